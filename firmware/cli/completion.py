"""Tab completion: the script for bash, and the hidden command ``__complete`` that it asks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from firmware.cli.command import Argument, Command, Context
from firmware.cli.commands import COMMANDS

if TYPE_CHECKING:
    from firmware.client import Client

# bash splits words at ":" of MACs and "=": COMP_WORDBREAKS loses them for this command. A path that ends in "." is
# unfinished, so no space follows it.
SCRIPT = """\
_rsctl() {
    local IFS=$'\\n'
    COMPREPLY=($(rsctl __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *. ]]; then compopt -o nospace; fi
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then compopt -o default; fi
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//[:=]/}
complete -F _rsctl rsctl
"""

_COMMON = ("--json", "--socket", "--language", "--help")
_VALUED = {"--socket": None, "--language": ("zh", "en")}


def script(context: Context) -> None:
    context.terminal.line(SCRIPT.rstrip("\n"))


def complete(words: list[str], socket: str, token: str | None) -> int:
    """Prints what the last of ``words`` can become, one on a line; says nothing when it does not know."""
    for word in candidates(words, socket, token):
        sys.stdout.write(word + "\n")
    return 0


def candidates(words: list[str], socket: str, token: str | None = None) -> list[str]:
    """What the last word can become."""
    *before, last = words or [""]
    settings, plain = _common_options(before)
    if before and before[-1] in _VALUED and settings.get(before[-1]) is None:
        return [value for value in _VALUED[before[-1]] or () if value.startswith(last)]
    command, rest = _command(plain)
    depth = len(plain)
    nexts = {item.words[depth] for item in COMMANDS if item.words[:depth] == tuple(plain) and len(item.words) > depth}
    if command is not None:
        words = _argument_words(command, rest, last, settings.get("--socket") or socket, token)
    else:
        words = list(_COMMON) if last.startswith("-") and not rest else []
    return [word for word in [*sorted(nexts), *words] if word.startswith(last)]


def _common_options(words: list[str]) -> tuple[dict[str, str | None], list[str]]:
    """The options that every command has, and the words without them."""
    settings: dict[str, str | None] = {}
    plain: list[str] = []
    waiting: str | None = None
    for word in words:
        if waiting is not None:
            settings[waiting], waiting = word, None
        elif word in _VALUED:
            settings[word], waiting = None, word
        elif word not in _COMMON:
            plain.append(word)
    return settings, plain


def _command(plain: list[str]) -> tuple[Command | None, list[str]]:
    """The command that the words name with the words after it; no words are left over where more are needed."""
    for item in sorted(COMMANDS, key=lambda item: -len(item.words)):  # "lines password" before "lines"
        if tuple(plain[: len(item.words)]) == item.words:
            return item, plain[len(item.words) :]
    is_prefix = any(item.words[: len(plain)] == tuple(plain) for item in COMMANDS)
    return None, [] if is_prefix else plain


def _argument_words(command: Command, rest: list[str], last: str, socket: str, token: str | None) -> list[str]:
    options = {name: item for item in command.arguments if item.is_option for name in item.names}
    takes_value = {name for name, item in options.items() if "action" not in item.options}
    if rest and rest[-1] in takes_value:
        return _values(options[rest[-1]], last, socket, token)
    if last.startswith("-"):
        return [*sorted(options), *_COMMON]
    filled = sum(
        1
        for index, word in enumerate(rest)
        if word not in options and (index == 0 or rest[index - 1] not in takes_value)
    )
    places = [item for item in command.arguments if not item.is_option]
    return _values(places[filled], last, socket, token) if filled < len(places) else []


def _values(item: Argument, last: str, socket: str, token: str | None) -> list[str]:
    """What may stand in an argument's place; nothing where only the daemon could tell and it does not answer."""
    if choices := item.options.get("choices"):
        return list(choices)
    if item.completer in {None, "file"}:
        return []
    from firmware.client import Client, ClientError

    try:
        with Client(socket, token=token, timeout_s=2) as client:
            return _ask(client, item.completer or "", last)
    except ClientError:
        return []


def _ask(client: Client, kind: str, last: str) -> list[str]:
    if kind == "path":
        from firmware.model.codec import completions, from_plain

        config = from_plain(client.call("config.get", path="", which="candidate"))
        found = completions(config, last)
        # One path that has more below it goes on at once.
        return [f"{found[0]}."] if len(found) == 1 and completions(config, f"{found[0]}.") else found
    if kind == "revision":
        return [str(row["id"]) for row in client.call("config.revisions", limit=50)]
    if kind == "application":
        answer = client.call("applications")
        return [row["id"] for row in (answer["applications"] if isinstance(answer, dict) else answer)]
    if kind == "host":
        return [word for row in client.call("hosts") for word in (row["address"], row.get("name") or "") if word]
    if kind == "line":
        return list(client.call("config.get", path="wans", which="candidate"))
    if kind == "user":
        return list(client.call("config.get", path="users", which="running"))
    if kind == "prefix_list":
        return list(client.call("config.get", path="prefix_lists", which="running"))
    return [str(row["id"]) for row in client.call("token.list")]
