"""Commands that read and change the configuration."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firmware.cli.command import EXIT_OK, EXIT_REFUSED, Context
from firmware.cli.terminal import time_text, value_text
from firmware.model.problem import Problem


def show(context: Context) -> None:
    args = context.args
    which: str | int = args.revision or ("running" if args.running else "candidate")
    value = context.call("config.get", path=args.path, which=which)
    if context.terminal.as_json:
        context.terminal.json(value)
        return
    if not isinstance(value, dict) or not value:
        context.terminal.line(value_text(value))
        return
    for path, leaf in _leaves(args.path, value):
        context.terminal.line(f"{path} {value_text(leaf)}")


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each value with its path, in the words that ``rsctl set`` takes."""
    from firmware.model.shape import join_onto

    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(join_onto(path, key), inner)
    else:
        yield path, value


def set_value(context: Context) -> None:
    text = sys.stdin.read() if context.args.value == "-" else context.args.value
    # As typed: the model reads it by the type of the place, so that 443 is text where a text belongs.
    result = context.call("config.set", path=context.args.path, value=text)
    _changed(context, result, "%(path)s is set in the candidate.", path=context.args.path)


def delete(context: Context) -> None:
    result = context.call("config.delete", path=context.args.path)
    _changed(context, result, "%(path)s is deleted from the candidate.", path=context.args.path)


def _changed(context: Context, result: Any, message: str, **params: str) -> None:
    """Says that the candidate has changed, and what a commit would still refuse."""
    context.terminal.done(message, result, **params)
    if not context.terminal.as_json:
        _tell(context, [Problem(**problem) for problem in result["problems"]])


def _tell(context: Context, problems: list[Problem]) -> None:
    """What refuses a commit first, then what is only worth knowing."""
    for severity, title in (("error", "A commit would still be refused:"), ("warning", "To be considered:")):
        if found := [problem for problem in problems if problem.severity == severity]:
            context.terminal.error(title)
            context.terminal.problems(found)


def check(context: Context) -> int:
    result = context.call("config.check")
    problems = [Problem(**problem) for problem in result["problems"]]
    is_refused = any(problem.severity == "error" for problem in problems)
    if context.terminal.as_json:
        context.terminal.json({"problems": [context.terminal.problem(problem) for problem in problems]})
    elif problems:
        _tell(context, problems)
    else:
        context.terminal.line(context.terminal.t("Nothing speaks against a commit."))
    return EXIT_REFUSED if is_refused else EXIT_OK


def diff(context: Context) -> None:
    changes = context.call("config.diff")
    if context.terminal.as_json:
        context.terminal.json(changes)
        return
    if not changes:
        context.terminal.done("The candidate is what is in force.")
    for change in changes:
        if change["kind"] in {"remove", "change"}:
            context.terminal.line(f"- {change['path']} {value_text(change['before'])}")
        if change["kind"] in {"add", "change"}:
            context.terminal.line(f"+ {change['path']} {value_text(change['after'])}")


def plan(context: Context) -> None:
    text = context.call("config.plan", which="candidate")
    if context.terminal.as_json:
        context.terminal.json({"plan": text})
    elif not text:
        context.terminal.line(context.terminal.t("A commit would change nothing on the box."))
    else:
        context.terminal.line(str(text).rstrip("\n"))


def commit(context: Context) -> None:
    args = context.args
    result = context.call("config.commit", message=args.message, confirm_s=args.confirm)
    context.terminal.done("Revision %(revision)s is in force.", result, revision=result["revision"])
    _warn(context, result)
    context.confirm_hint(result["deadline_s"])


def _warn(context: Context, committed: Any) -> None:
    """What the box lacks though the change is made."""
    for warning in committed["warnings"]:
        context.terminal.error("%(warning)s", warning=context.terminal.t(warning))


def confirm(context: Context) -> None:
    context.terminal.done("The change is kept.", context.call("config.confirm"))


def discard(context: Context) -> None:
    context.terminal.done("The candidate is what is in force again.", context.call("config.discard"))


def rollback(context: Context) -> int | None:
    args = context.args
    revision = args.revision
    if revision is None:
        now = context.call("status")["last_change"]["revision"]
        revision = context.call("config.revision", id=now)["parent"]
        if revision is None:
            context.terminal.error("There is no older revision to go back to.")
            return EXIT_REFUSED
    result = context.call("config.rollback", revision=revision, confirm_s=args.confirm)
    context.terminal.done(
        "Revision %(old)s is in force again, as revision %(revision)s.",
        result,
        old=revision,
        revision=result["revision"],
    )
    _warn(context, result)
    context.confirm_hint(result["deadline_s"])
    return None


def revisions(context: Context) -> None:
    rows = context.call("config.revisions", limit=context.args.limit)
    if context.terminal.as_json:
        context.terminal.json(rows)
        return
    yes, no = context.terminal.t("yes"), context.terminal.t("no")
    context.terminal.table(
        ("revision", "time", "author", "kept", "changes", "message"),
        [
            (
                str(row["id"]),
                time_text(row["time"]),
                row["author"],
                yes if row["confirmed"] else no,
                str(row["changes"]),
                row["message"],
            )
            for row in rows
        ],
    )


def export(context: Context) -> None:
    text = context.call("config.export")
    if context.terminal.as_json:
        context.terminal.json({"text": text})
    else:
        context.terminal.line(str(text).rstrip("\n"))


def import_text(context: Context) -> int | None:
    name = context.args.file
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        context.terminal.error("%(file)s cannot be read: %(reason)s", file=name, reason=error)
        return EXIT_REFUSED
    result = context.call("config.import", text=text)
    _changed(context, result, "The candidate is now the text of %(file)s.", file=name)
    return None
