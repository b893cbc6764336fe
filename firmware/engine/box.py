"""The box as it is: the Plan in force, and how another takes its place or fails to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from firmware import features
from firmware.engine.applier import Applier
from firmware.engine.steps import Phase
from firmware.kernel import files
from firmware.kernel.errors import KernelError
from firmware.model.config import Config
from firmware.model.facts import Facts
from firmware.model.plan import Plan

GENERATIONS = 64


class Rendered(msgspec.Struct, frozen=True):
    """A Plan, and the policy generation that its rules ask for and its tables have."""

    plan: Plan
    generation: int


class Box:
    """Renders with the facts of the moment and applies; not safe between threads: the engine's lock is.

    A generation is used once: also after a failure, as flows may have been judged by it. The last one used is kept in
    ``generation_path`` for the next rsd of this boot.
    """

    def __init__(self, applier: Applier, facts: Callable[[Config], Facts], generation_path: Path) -> None:
        self._applier = applier
        self._facts = facts
        self._generation_path = generation_path
        self._last_generation = _read_number(generation_path)
        self._in_force: Rendered | None = None

    @property
    def plan(self) -> Plan | None:
        """The Plan in force; ``None`` before the first."""
        return self._in_force.plan if self._in_force else None

    def render(self, config: Config) -> Rendered:
        """The Plan of a configuration, under a new generation when its policy differs from the one in force."""
        facts = self._facts(config)
        now = self._in_force
        if now is not None:
            plan = _render(config, facts, now.generation)
            if plan.fastpath == now.plan.fastpath:
                return Rendered(plan, now.generation)
        new = (self._last_generation + 1) % GENERATIONS
        return Rendered(_render(config, facts, new), new)

    def apply(self, wanted: Rendered, phase: Phase) -> list[str]:
        """Go from the Plan in force to another; returns what the box lacks of it.

        Raises KernelError when a step failed; the box then has what it had before, as far as that goes.
        """
        now = self._in_force
        self._use(wanted)
        try:
            lacking = self._applier.apply(wanted.plan, now.plan if now else None, wanted.generation, phase)
        except KernelError:
            self.restore()
            raise
        self._in_force = wanted
        return lacking

    def force(self, wanted: Rendered, phase: Phase) -> list[str]:
        """Bring the box to a Plan, whatever state it is in, every step being tried; returns what it lacks."""
        lacking = []
        try:
            self._use(wanted)
        except KernelError as error:  # only the next rsd of this boot would have asked for it
            lacking.append(str(error))
        self._in_force = wanted
        return lacking + self._applier.apply_all(wanted.plan, wanted.generation, phase)

    def restore(self, to: Rendered | None = None) -> None:
        """Apply the Plan in force (or another) again, whole."""
        self._in_force = to or self._in_force
        if self._in_force is not None:
            self._applier.apply_all(self._in_force.plan, self._in_force.generation, "restore")

    @property
    def in_force(self) -> Rendered | None:
        """What ``restore`` would apply; to be remembered by who may have to return to it."""
        return self._in_force

    def _use(self, wanted: Rendered) -> None:
        if self._in_force is None or wanted.generation != self._in_force.generation:
            self._last_generation = wanted.generation
            try:
                files.write(self._generation_path, f"{wanted.generation}\n")
            except OSError as error:
                raise KernelError("policy generation", error.strerror or str(error)) from error


def _render(config: Config, facts: Facts, generation: int) -> Plan:
    return features.render(config, msgspec.structs.replace(facts, policy_generation=generation))


def _read_number(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return 0
