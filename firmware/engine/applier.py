"""Carries a Plan out on the box, step by step, only what differs, and reads it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from firmware.engine import steps
from firmware.engine.steps import Phase
from firmware.kernel import files, hostname, links, nft, queue_rule, routes, rules, sysctl
from firmware.kernel.errors import KernelError
from firmware.kernel.netlink import Netlink
from firmware.kernel.supervisor import Supervisor
from firmware.model.plan import FastpathTables, Plan, Unit


class Fastpath(Protocol):
    """What the engine needs of the fastpath."""

    def load(self, tables: FastpathTables, generation: int) -> None:
        """Hand over the tables under a generation and see them taken, if the fastpath runs. Raises KernelError."""


class Applier:
    """The order of the steps is the order of ``steps.APPLY``.

    nft comes before the links: it is what refuses most often, and then little else has been touched. The fastpath
    comes before nft, as the generation that nft asks for must be there; and so do the tables whose hooks go away with
    them, which costs whatever waits in a queue: nft makes every connection wait there to be judged anew.
    """

    def __init__(
        self,
        run_dir: Path,
        places: Mapping[str, str],
        supervisor: Supervisor,
        fastpath: Fastpath,
        *,
        always: tuple[Unit, ...] = (),
        queues: int = 1,
    ) -> None:
        """``always`` are units that run whatever the configuration says."""
        self._run_dir = run_dir
        self._places = places
        self._supervisor = supervisor
        self._fastpath = fastpath
        self._always = always
        self._queues = queues
        self._lacks_offload = False

    def apply(self, plan: Plan, current: Plan | None, generation: int, phase: Phase) -> list[str]:
        """Bring the box from ``current`` (``None``: not known) to ``plan``; returns what is not as it should be.

        Raises KernelError at the first step that fails.
        """
        lacking: list[str] = []
        for step, act in self._acts(plan, current, generation, lacking):
            _do(step, act)
            steps.reached(phase, step)
        return lacking

    def apply_all(self, plan: Plan, generation: int, phase: Phase) -> list[str]:
        """Bring the box to ``plan`` as far as it goes, every step being tried; returns what is not as it should be."""
        lacking: list[str] = []
        for step, act in self._acts(plan, None, generation, lacking):
            try:
                _do(step, act)
            except KernelError as error:
                lacking.append(str(error))
            steps.reached(phase, step)
        return lacking

    def _acts(
        self, plan: Plan, current: Plan | None, generation: int, lacking: list[str]
    ) -> list[tuple[str, Callable[[], None]]]:
        def load_fastpath() -> None:
            if current is None or plan.fastpath != current.fastpath:
                self._fastpath.load(plan.fastpath, generation)

        def set_shape() -> None:
            if current is None or plan.nft_shape != current.nft_shape:
                nft.apply_shape(plan)

        def set_queue() -> None:
            if current is None or plan.queue_by_iptables != current.queue_by_iptables:
                queue_rule.apply(plan.queue_by_iptables, self._queues)

        def withdraw_offload() -> None:
            if current is None or plan.nft_offload != current.nft_offload:
                nft.withdraw_offload(plan)

        def set_offload() -> None:
            if current is not None and plan.nft_offload == current.nft_offload and not self._lacks_offload:
                return
            self._lacks_offload = False
            try:
                nft.apply_offload(plan)
            except KernelError as error:  # all goes on by the rules; the next change tries again
                self._lacks_offload = True
                lacking.append(str(error))

        def read_back() -> None:
            with Netlink() as door:
                lacking.extend(links.missing(door, plan.links))

        acts: dict[str, Callable[[], None]] = {
            "files": lambda: self._write_files(plan, current),
            "fastpath": load_fastpath,
            "withdraw": withdraw_offload,
            "shape": set_shape,
            "nft": lambda: nft.apply(plan, current, Path(self._places["state"])),
            "queue": set_queue,
            "links": lambda: _with_door(lambda door: links.apply(door, plan.links, self._run_dir)),
            "offload": set_offload,
            "sysctls": lambda: sysctl.apply(plan.sysctls, self._run_dir),
            "routes": lambda: _with_door(lambda door: _set_routes(door, plan)),
            "rules": lambda: _with_door(lambda door: rules.apply(door, plan.rules)),
            "hostname": lambda: hostname.apply(plan.hostname),
            "units": lambda: self._supervisor.apply((*self._always, *plan.units), plan.timezone),
            "readback": read_back,
        }
        return [(step, acts[step]) for step in steps.APPLY]

    def _write_files(self, plan: Plan, current: Plan | None) -> None:
        if current is None or plan.files != current.files:
            files.apply(self._run_dir, plan.files, self._places)


def _do(step: str, act: Callable[[], None]) -> None:
    """Carry a step out. Raises KernelError whatever fails: a full run directory, or a kernel that does not answer."""
    try:
        act()
    except OSError as error:
        raise KernelError(step, error.strerror or str(error)) from error


def _with_door(act: Callable[[Netlink], None]) -> None:
    with Netlink() as door:
        act(door)


def _set_routes(door: Netlink, plan: Plan) -> None:
    indexes = {name: device.index for name, device in links.read(door).items()}
    routes.apply(door, plan.routes, indexes)
