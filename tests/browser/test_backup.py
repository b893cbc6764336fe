"""A backup of another router, as a person brings it in: file, passphrase, which port is which, then the changes."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from selenium.webdriver.support.ui import Select

from firmware.client import Client
from firmware.daemon import backup_worker
from firmware.model import codec, port_map
from firmware.model.config import Group
from tests.browser.person import Person
from tests.browser.test_lines import applied, setting
from tests.lab.site import Site

PASSPHRASE = "three long words"


def of_another_model(site: Site, folder: Path) -> tuple[Path, dict[str, str]]:
    """A backup of the site's router as if its ports were called otherwise, and with one group more."""
    with Client(site.product.run / "rsd.sock") as client:
        config = codec.decode(client.call("config.export"))
    mapping = {port: f"old{number}" for number, port in enumerate(port_map.used_ports(config))}
    config = msgspec.structs.replace(config, groups={**config.groups, "moved": Group()})
    header = {
        "product": "0.0.9", "board": "mips", "hostname": "old-router", "time": 1_795_000_000.0, "config_format": 1,
        "parts": ["configuration"], "ports": [{"name": name} for name in mapping.values()],
    }  # fmt: skip
    given = {"config.json": codec.encode(port_map.remap(config, mapping)).decode(), "secrets.json": "{}"}
    target = folder / "old.rsbackup"
    job = {"state": str(folder), "target": str(target), "header": header, "given": given, "passphrase": PASSPHRASE}
    assert "error" not in backup_worker.run("make", json.dumps(job))
    return target, {old: port for port, old in mapping.items()}


def test_a_backup_of_another_model_is_restored(person: Person, begun: Site, tmp_path: Path) -> None:
    file, ports = of_another_model(begun, tmp_path)
    person.open("/system/backup/")
    person.screenshot(f"backup-{person.language}")
    person.driver.find_element("id", "sent-file").send_keys(str(file))
    person.fill("Its passphrase", PASSPHRASE)
    person.click("Read the backup")
    person.reads(person.t("Which port is which here"), "old-router")
    for old, port in ports.items():
        Select(person.driver.find_element("id", f"map.{old}")).select_by_value(port)
    person.screenshot(f"backup-ports-{person.language}")
    person.click("Restore")
    person.reads(person.t("The backup was read. Look at the changes below and apply them."), "moved")
    applied(person)
    assert setting(begun, "groups.moved") is not None
