"""Commands about the business's data: what there is, whether it is sound, taking it along and putting it back."""

from __future__ import annotations

from pathlib import Path

from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.terminal import bytes_text

POINTS = {
    "file": "pages of the file", "entries": "entries balance", "balances": "days: sums and statements fit",
    "stock": "places hold what was moved and reserved", "values": "items: accounts hold what they are worth",
}  # fmt: skip


def status(context: Context) -> None:
    state, terminal = context.call("business.state"), context.terminal
    if terminal.as_json:
        terminal.json(state)
        return
    company, t = state["company"], terminal.t
    rows = [("business pages", t("on") if state["enabled"] else t("off")), ("database", state["database"])]
    if company is None:
        terminal.pairs(rows)
        terminal.line(t("There are no business data yet; open its page first."))
        return
    rows += [
        ("company", company["name"] or "-"), ("size", bytes_text(company["bytes"])),
        ("users with a role there", str(company["users"])),
        ("modules on", " ".join(name for name, is_on in company["modules"].items() if is_on) or "-"),
        ("modules off", " ".join(name for name, is_on in company["modules"].items() if not is_on) or "-"),
    ]  # fmt: skip
    terminal.pairs(rows)
    if company["demo"]:
        terminal.line(t("The demo company is open in the pages; this is the firm's own."))


def check(context: Context) -> int | None:
    found, terminal = context.call("business.check"), context.terminal
    if terminal.as_json:
        terminal.json(found)
    else:
        for point in found["points"]:
            mark = "✗" if point["problems"] else "✓"
            terminal.line(f"{mark} {point['count']:>8} {terminal.t(POINTS[point['name']])}")
            for problem in point["problems"]:
                terminal.line(f"    {problem}")
    if found["is_sound"]:
        return None
    terminal.error("The books are not sound. Make a backup as it is, and tell whoever looks after the box.")
    return EXIT_REFUSED


def backup(context: Context) -> None:
    made, path = _taken(context, "business.backup")
    context.terminal.done(
        "The business's data are in %(file)s: %(size)s, not encrypted.", made, file=path, size=bytes_text(made["bytes"])
    )


def export(context: Context) -> None:
    made, path = _taken(context, "business.export")
    context.terminal.done(
        "Every table is in %(file)s as CSV: %(size)s.", made, file=path, size=bytes_text(made["bytes"])
    )


def restore(context: Context) -> None:
    path = str(Path(context.args.file).resolve())
    context.terminal.done("The business's data are those of the backup.", context.call("business.restore", path=path))


def _taken(context: Context, verb: str) -> tuple[dict[str, int], str]:
    path = str(Path(context.args.file).resolve())
    return context.call(verb, path=path), path
