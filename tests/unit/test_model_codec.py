from __future__ import annotations

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.model import codec
from firmware.model.config import (
    Config,
    Dhcp,
    Group,
    Lan,
    Policy,
    Reservation,
    Schedule,
    System,
    User,
    Wan,
    Window,
    Zone,
)
from firmware.model.defaults import factory
from firmware.model.problem import Problem

names = st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True)
devices = st.from_regex(r"[A-Za-z0-9_.-]{1,15}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8"), max_size=20)
tuples = st.lists(names, max_size=3).map(tuple)
windows = st.builds(Window, start=st.just("08:00"), end=st.sampled_from(["18:00", "24:00"]))
configs = st.builds(
    Config,
    system=st.builds(System, hostname=texts, language=st.sampled_from(["zh", "en"])),
    lans=st.dictionaries(
        names,
        st.builds(
            Lan,
            ports=st.lists(devices, max_size=3).map(tuple),
            address=texts,
            dhcp=st.builds(
                Dhcp, start=st.none() | texts, reservations=st.dictionaries(names, st.builds(Reservation), max_size=2)
            ),
        ),
        max_size=2,
    ),
    wans=st.dictionaries(names, st.builds(Wan, interface=devices, number=st.integers(1, 7)), max_size=2),
    zones=st.dictionaries(names, st.builds(Zone, forward_to=tuples, masquerade=st.booleans()), max_size=2),
    groups=st.dictionaries(names, st.builds(Group, members=st.lists(texts, max_size=3).map(tuple)), max_size=2),
    schedules=st.dictionaries(names, st.builds(Schedule, windows=st.lists(windows, max_size=2).map(tuple)), max_size=2),
    policies=st.dictionaries(
        names,
        st.builds(
            Policy,
            position=st.integers(1, 1_000_000),
            action=st.sampled_from(["allow", "block"]),
            groups=tuples,
            schedule=st.none() | names,
            description=texts,
        ),
        max_size=3,
    ),
    users=st.dictionaries(names, st.builds(User, role=st.sampled_from(["owner", "auditor"])), max_size=2),
)


def problems_of(text: bytes | str) -> list[Problem]:
    with pytest.raises(codec.ConfigError) as caught:
        codec.decode(text)
    return caught.value.problems


@given(configs)
def test_every_configuration_comes_back(config: Config) -> None:
    text = codec.encode(config)
    assert codec.decode(text) == config
    assert codec.encode(codec.decode(text)) == text


@given(configs)
def test_text_is_canonical(config: Config) -> None:
    plain = json.loads(codec.encode(config))
    assert plain["format"] == 1
    again = json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False)
    assert json.loads(again) == plain
    assert list(plain) == sorted(plain)


@given(st.binary(max_size=200))
def test_nonsense_is_told_never_raised(data: bytes) -> None:
    with suppress(codec.ConfigError):
        codec.decode(data)


@given(configs, st.data())
def test_every_truncation_is_told(config: Config, data: st.DataObject) -> None:
    text = codec.encode(config).decode().rstrip()
    cut = data.draw(st.integers(0, len(text) - 1))
    (problem,) = problems_of(text[:cut])
    assert problem.message.startswith("The file ends in the middle")


def test_all_mistakes_are_told_at_once() -> None:
    text = json.dumps(
        {
            "sytem": {},
            "system": {"hostname": 7, "language": "fr"},
            "lans": {"Office": {"ports": "eth1", "address": "192.168.8.1/24", "subnet_id": 70000}},
            "policies": {"x": {"position": True, "action": "deny", "enabled": "yes"}},
            "interfaces": {"eth0\n": {}},
            "hosts": {"desk": {"mac": "02:00:00:00:00:01", "name": ""}},
            "wans": [],
        }
    )
    found = {problem.path: problem.message for problem in problems_of(text)}
    assert found == {
        "sytem": "There is no setting %(key)s.",
        "system.hostname": "Text is expected here.",
        "system.language": "This is not one of the choices.",
        "lans.Office": "This cannot be used as a name.",
        "lans.Office.ports": "A list is expected here.",
        "lans.Office.subnet_id": "The number is out of range.",
        "policies.x.position": "A whole number is expected here.",
        "policies.x.action": "This is not one of the choices.",
        "policies.x.enabled": "Yes or no (true or false) is expected here.",
        "interfaces[eth0\n]": "This cannot be used as a name.",
        "hosts.desk.name": "The text is too short or too long.",
        "wans": "An object with named settings is expected here.",
    }


def test_unknown_key_names_the_nearest() -> None:
    (problem,) = problems_of('{"system": {"hostnme": "x"}}')
    assert (problem.path, problem.value, problem.params["nearest"]) == ("system.hostnme", "hostnme", "hostname")


def test_missing_setting_is_named() -> None:
    (problem,) = problems_of('{"users": {"ann": {}}}')
    assert (problem.path, problem.message) == ("users.ann.role", "%(key)s is missing.")


def test_broken_json_is_told_with_its_place() -> None:
    (problem,) = problems_of('{\n  "system": {,}\n}')
    assert (problem.params["line"], problem.params["column"]) == ("2", "14")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe", "The file is not text in UTF-8 (byte %(byte)s)."),
        (
            '{"users": {"a": {"role": "owner"}, "a": {"role": "hq"}}}',
            "The name %(key)s stands twice in the same place.",
        ),
        ('{"format": NaN}', "The file holds something that no configuration has."),
        ("[" * 100_000, "The file holds something that no configuration has."),
        ("[]", "An object with named settings is expected here."),
        ('{"format": "1"}', "This is no format number."),
    ],
)
def test_other_nonsense_has_its_own_message(text: bytes | str, message: str) -> None:
    assert [problem.message for problem in problems_of(text)] == [message]


def test_byte_order_mark_is_no_mistake() -> None:
    assert codec.decode(b"\xef\xbb\xbf{}") == Config()


def test_schema_describes_what_is_written() -> None:
    schema = codec.schema()
    properties = schema["$defs"]["Config"]["properties"]
    assert set(json.loads(codec.encode(factory(["a", "b"])))) <= set(properties)
    assert set(properties) == {field.name for field in msgspec.structs.fields(Config)}


def test_hundred_thousand_members_survive() -> None:
    members = tuple(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(100_000))
    config = Config(groups={"big": Group(members=members)})
    assert codec.decode(codec.encode(config)) == config
