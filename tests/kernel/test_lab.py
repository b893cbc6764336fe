"""The virtual site itself, with a plain router: what the other suites stand on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.lab import addresses, names, netns, services, state
from tests.lab.site import Site

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site("plain", wans=2, hosts=4, product=False) as site:
        yield site


def test_hosts_have_addresses_and_names(site: Site) -> None:
    assert {host.department for host in site.hosts} == {"sales", "finance", "rd", "boss"}
    assert len({site.address(host.name) for host in site.hosts}) == 4
    assert site.run("sales1", ["dig", "+short", "www.internet.test"]).stdout.split() == [
        addresses.server_addresses("internet.test")[0]
    ]


def test_each_domain_has_a_server_of_its_own() -> None:
    domains = names.domains()
    assert "internet.test" in domains
    assert len({addresses.server_addresses(name) for name in domains}) == len(domains)


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_web_is_reached_by_both_families(site: Site, family: str) -> None:
    netns.wait_until(lambda: site.address("sales1", family=6), "SLAAC address of sales1", 20)
    seen = site.curl("sales1", "https://internet.test/address", family).stdout.strip()
    expected = str(site.lines[0].address) if family == "-4" else site.address("sales1", family=6)
    assert seen == expected


def test_video_is_served_by_range(site: Site) -> None:
    done = site.curl("rd1", "https://internet.test/video", "-r", "100-355", "-w", "%{http_code}", "-o", "/dev/null")
    assert done.stdout == "206"
    done = site.curl("rd1", "http://internet.test/bytes/100000", "-w", "%{size_download}", "-o", "/dev/null")
    assert done.stdout == "100000"


def test_mail_is_taken(site: Site) -> None:
    argv = ["swaks", "--server", "mail.internet.test", "--from", "a@office.test", "--to", "b@internet.test"]
    done = site.run("sales1", argv)
    assert "250 Message accepted" in done.stdout


def test_datagrams_come_back(site: Site) -> None:
    script = (
        "import socket\n"
        "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:\n"
        "    echo.settimeout(5)\n"
        f"    echo.sendto(b'hello', ('{addresses.ECHO_SERVER}', 7))\n"
        "    print(echo.recv(9))\n"
    )
    assert "hello" in site.run("rd1", [sys.executable, "-c", script]).stdout


def test_torrent_is_downloaded_from_the_seeds(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    target = tmp_path_factory.mktemp("torrent")
    options = ["--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--seed-time=0"]
    torrent = str(services.torrent_file(site.directory))
    site.run("boss1", ["aria2c", *options, "--file-allocation=none", f"--dir={target}", torrent], timeout_s=60)
    seed = site.directory / "seed" / "lab-release.bin"
    assert (target / seed.name).read_bytes() == seed.read_bytes()


def test_cut_line_stops_traffic_and_mended_line_carries_it_again(site: Site) -> None:
    line = site.lines[0]
    for silently in (False, True):
        site.cut(line, silently=silently)
        assert site.curl("sales1", "http://internet.test/", "--max-time", "2", check=False).returncode != 0
        site.mend(line)
        netns.wait_until(
            lambda: site.curl("sales1", "http://internet.test/", "--max-time", "2", check=False).returncode == 0,
            "web after the line was mended",
        )


def test_foreign_sources_do_not_leave_by_a_line(site: Site) -> None:
    line = site.lines[1]
    site.run("router", ["ip", "address", "add", f"{line.address}/24", "dev", line.port])
    ping = ["ping", "-c", "1", "-W", "1", str(line.gateway), "-I"]
    site.run("router", [*ping, str(line.address)])
    assert site.run("router", [*ping, "192.168.10.1"], check=False).returncode == 1
    assert "counter packets 1 " in site.run("isp2", ["nft", "list", "table", "inet", "isp"]).stdout


def test_down_removes_everything_also_after_a_crash() -> None:
    site = Site("crash", wans=1, hosts=1, product=False)
    site.up()
    processes = [process for process in site.state.processes if process.is_running]
    namesake = Site("crash")  # knows nothing but the name, as a new command line would
    os.kill(processes[0].pid, signal.SIGKILL)
    namesake.down()
    for child in site._children:
        child.wait()
    assert not netns.existing(site.prefix)
    assert not any(process.is_running for process in processes)
    assert not (state.ROOT / "crash").exists()
