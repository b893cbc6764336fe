"""Commands about people and tokens."""

from __future__ import annotations

import getpass
import sys

from firmware.cli.command import EXIT_REFUSED, Context
from firmware.cli.terminal import time_text


def users(context: Context) -> None:
    known = context.call("config.get", path="users", which="running")
    if context.terminal.as_json:
        context.terminal.json(known)
        return
    yes, no = context.terminal.t("yes"), context.terminal.t("no")
    context.terminal.table(
        ("user", "role", "full name", "enabled"),
        [
            (name, user["role"], user.get("full_name") or "-", yes if user.get("enabled", True) else no)
            for name, user in known.items()
        ],
    )


def passwd(context: Context) -> int | None:
    terminal = context.terminal
    user = context.args.user
    if user is None:
        known = context.call("config.get", path="users", which="running")
        owners = [name for name, values in known.items() if values["role"] == "owner"]
        if len(owners) != 1:
            terminal.error("Say whose password: rsctl passwd USER")
            return EXIT_REFUSED
        user = owners[0]
    if context.args.stdin:
        new = sys.stdin.readline().rstrip("\n")
    else:
        new = getpass.getpass(terminal.t("New password for %(user)s: ", user=user))
        if getpass.getpass(terminal.t("Once more: ")) != new:
            terminal.error("The two passwords differ; nothing was changed.")
            return EXIT_REFUSED
    context.call("password.change", user=user, new=new)
    terminal.done("The password of %(user)s is changed.", {"user": user}, user=user)
    return None


def token_create(context: Context) -> None:
    made = context.call("token.create", name=context.args.name, role=context.args.role)
    context.terminal.done("%(token)s", made, token=made["token"])


def token_list(context: Context) -> None:
    rows = context.call("token.list")
    if context.terminal.as_json:
        context.terminal.json(rows)
        return
    context.terminal.table(
        ("ID", "name", "role", "made by", "time"),
        [(str(row["id"]), row["name"], row["role"], row["author"], time_text(row["time"])) for row in rows],
    )


def token_revoke(context: Context) -> None:
    result = context.call("token.revoke", id=context.args.id)
    context.terminal.done("Token %(id)s is revoked.", result, id=context.args.id)
