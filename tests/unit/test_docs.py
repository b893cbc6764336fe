"""The documents name what is there: commands, pages and alarms have their entry in both languages, links resolve."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from firmware.cli.commands import COMMANDS
from firmware.model import codec
from firmware.model.defaults import factory
from firmware.model.text import translate

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "manual"
LANGUAGES = ("zh", "en")
PAGES = sorted(page.name for page in (MANUAL / "zh").glob("*.md"))
DOCUMENTS = sorted(
    path
    for folder in ("docs", "bizlite", "buildroot")
    for path in (ROOT / folder).rglob("*.md")
    if "node_modules" not in path.parts
) + sorted(ROOT.glob("*.md"))
# Where a page of the menu is described; the blueprints are those of webui/app.py.
ENTRIES = {
    "session": "quickstart", "setup": "quickstart", "blocked": "quickstart",
    "dashboard": "quickstart", "hosts": "hosts-and-groups",
    "groups": "hosts-and-groups", "control": "application-control", "schedules": "application-control",
    "recognition": "recognition",
    "bandwidth": "bandwidth", "lines": "lines", "lans": "lines", "prefixes": "lines",
    "revisions": "revisions", "changes": "revisions", "system": "backup", "backup": "backup", "update": "update",
    "tools": "field-tools", "users": "accounts", "live": "quickstart",
}  # fmt: skip


def text(language: str, page: str) -> str:
    return (MANUAL / language / page).read_text(encoding="utf-8")


def headings(path: Path) -> set[str]:
    """Anchors as GitHub and most viewers make them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in found}


def test_both_languages_have_the_same_pages() -> None:
    assert PAGES
    assert sorted(page.name for page in (MANUAL / "en").glob("*.md")) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_have_the_same_sections(page: str) -> None:
    depths = [re.findall(r"^(#+) ", text(language, page), re.MULTILINE) for language in LANGUAGES]
    assert depths[0] == depths[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_index_leads_to_every_page(language: str) -> None:
    index = text(language, "index.md")
    assert [page for page in PAGES if page != "index.md" and f"({page})" not in index] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_is_described_with_an_example(language: str) -> None:
    page = text(language, "rsctl.md")
    words = [" ".join(command.words) for command in COMMANDS]
    assert [command for command in words if len(re.findall(rf"rsctl {command}\b", page)) < 2] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_option_is_described(language: str) -> None:
    page = text(language, "rsctl.md")
    options = {name for command in COMMANDS for item in command.arguments for name in item.names if name[:2] == "--"}
    short = {"--message": "-m", "--help": "-h"}
    missing = [name for name in sorted(options) if name not in page and f"{short.get(name, name)} " not in page]
    assert missing == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_in_the_documents_exist(path: Path) -> None:
    known = {command.words[0] for command in COMMANDS}
    used = set(re.findall(r"(?:^|`|<\()rsctl ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert used <= known


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_of_the_menu_has_an_entry(language: str) -> None:
    from webui.app import VIEWS

    assert set(VIEWS) <= set(ENTRIES)
    assert all((MANUAL / language / f"{page}.md").exists() for page in ENTRIES.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_route_of_the_api_that_is_shown_exists(language: str) -> None:
    from webui.api.table import ROUTES

    known = {route.path.split("/")[1] for route in ROUTES}
    used = set(re.findall(r"\$R/([a-z]+)", text(language, "api.md")))
    assert used
    assert used <= known


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_alarm_is_explained(language: str) -> None:
    """An alarm's beginning, up to its first parameter, stands in the table of alarms."""
    page = text(language, "troubleshooting.md")
    assert [alarm for alarm in ALARMS if _beginning(language, alarm) not in page] == []


def _beginning(language: str, alarm: str) -> str:
    """The alarm without its end, with the names of the tables put in."""
    said = translate(
        language,
        alarm,
        {
            "line": "X",
            "unit": "X",
            "reason": "\0",
            "name": "\0",
            "lacking": "\0",
            "file": "\0",
            "percent": "97",
            "fair": "50",
            "queue": "0",
            "cap": "\0",
        },
    )
    return said.partition("\0")[0].rstrip(" （(")


ALARMS = (
    "The line %(line)s does not work: %(reason)s",
    "The line %(line)s has used 80 percent of its %(cap)s GB; its month ends on %(until)s.",
    "The line %(line)s has used up its %(cap)s GB: until %(until)s it is used only when no other line works.",
    "The fastpath ended (%(reason)s) and was started again; meanwhile all traffic went on.",
    "The service %(unit)s cannot be started: %(reason)s.",
    "The service %(unit)s ends again and again: %(reason)s.",
    "The box lacks a part of its configuration: %(lacking)s.",
    "A change of the lines or the schedules could not be applied: %(reason)s.",
    "The configuration cannot be kept: %(reason)s.",
    "The configuration cannot be copied: %(reason)s.",
    "The revisions on the disk were broken; the last good configuration was restored from its copy.",
    "The configuration on the disk and its copy were broken; the factory's settings are in force.",
    "The usage statistics were damaged and have been started anew; the old file is kept as %(file)s.",
    "The usage statistics cannot be written: %(reason)s. They are kept in memory until they can be.",
    "The certificate of the page cannot be made: %(reason)s.",
    "The application database could not be updated: %(reason)s",
    "%(percent)s of 100 new connections leave by %(line)s, though its share is %(fair)s.",
    "Bandwidth is managed, but the shaper does not run: nobody is limited or guaranteed anything.",
    "The line %(line)s is not shaped although its rates are known.",
    "The flowtable %(name)s carries connections past the limits.",
    "Nobody reads the queue %(queue)s: new connections are let through without being recognised.",
    "The prefix list %(name)s could not be updated: %(reason)s",
    "Not all of the backup could be restored: %(reason)s",
    "The automatic backup to the USB stick failed: %(reason)s",
    "The automatic backup to the share failed: %(reason)s",
    "The automatic backup to HQ failed: %(reason)s",
)


def test_the_alarms_are_those_of_the_code() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("engine", "daemon", "monitor")
        for path in (ROOT / "firmware" / folder).rglob("*.py")
    )
    assert [alarm for alarm in ALARMS if alarm not in code] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_resolve(path: Path) -> None:
    body = re.sub(r"```.*?```|`[^`]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", body):
        file, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        place = (path.parent / file).resolve() if file else path
        if not place.exists() or (anchor and anchor not in headings(place)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_of_the_configuration_are_valid(language: str) -> None:
    """What ``rsctl set`` shows in the manual is what the model takes."""
    examples = [
        example for page in PAGES for example in re.findall(r"rsctl set ([a-z_.-]+) '(.+?)'", text(language, page))
    ]
    assert examples
    config = factory(["eth0", "eth1", "eth2", "eth3"])
    for place, value in examples:
        config = codec.set_path(config, place, value)
