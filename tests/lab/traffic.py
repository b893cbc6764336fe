"""Traffic that lives: each host browses, watches, downloads and writes mail, a little at a time.

``python -m tests.lab.traffic SITE`` runs until it is told to end. One process for the whole site; each thing a host
does is a program of a person's computer, bounded in bytes and followed by a pause: two cores stay nearly idle.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.lab import names, netns, services
from tests.lab.addresses import Host
from tests.lab.site import Site

_PAUSE_S = (1.0, 6.0)
_LIMIT_S = 60


class Person:
    """What one host does, one thing after the other."""

    def __init__(self, site: Site, host: Host) -> None:
        self._site = site
        self._host = host
        self._dice = random.Random(host.name)
        self._downloads = site.directory / "downloads" / host.name

    async def live(self) -> None:
        """Does one thing after the other for ever."""
        activities = [self.browse, self.browse, self.watch, self.look_up]
        activities += {"sales": [self.write_mail], "rd": [self.share_file]}.get(self._host.department, [])
        while True:
            await self._dice.choice(activities)()
            await asyncio.sleep(self._dice.uniform(*_PAUSE_S))

    async def browse(self) -> None:
        """Opens a site of the department's taste and a few of its pages."""
        name = self._dice.choice(names.BROWSED[self._host.department])
        pages = [
            f"https://{name}/bytes/{self._dice.randrange(2_000, 400_000)}" for _ in range(self._dice.randint(1, 6))
        ]
        await self._do("curl", "-s", "--max-time", "30", "-o", "/dev/null", *pages)

    async def watch(self) -> None:
        """Watches a video for a while, by ranges as a player does."""
        url = f"https://{self._dice.choice(names.WATCHED)}/video"
        first = 0
        for _ in range(self._dice.randint(2, 6)):
            last = first + (1 << 20) - 1
            await self._do("curl", "-s", "--limit-rate", "400k", "-r", f"{first}-{last}", "-o", "/dev/null", url)
            first = last + 1

    async def look_up(self) -> None:
        """Asks for a name."""
        await self._do("dig", "+short", "+tries=1", self._dice.choice(names.BROWSED[self._host.department]), "AAAA")

    async def write_mail(self) -> None:
        """Sends a mail without encryption, with an attachment."""
        attachment = Path(__file__).with_name("udhcpc.sh")
        people = ["--from", f"{self._host.name}@office.test", "--to", "customer@internet.test"]
        header = ["--header", "Subject: 报价单", "--body", "您好，附件是报价单。", "--attach", f"@{attachment}"]
        await self._do("swaks", "--silent", "3", "--server", "mail.internet.test", *people, *header)

    async def share_file(self) -> None:
        """Downloads a file by BitTorrent, slowly, and throws it away."""
        options = ["--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "-q"]
        options += ["--seed-time=0", "--file-allocation=none", "--max-download-limit=500K", f"--dir={self._downloads}"]
        await self._do("aria2c", *options, str(services.torrent_file(self._site.directory)))
        shutil.rmtree(self._downloads, ignore_errors=True)

    async def _do(self, *argv: str) -> None:
        inside = netns.inside(self._site.prefix + self._host.name, argv)
        child = await asyncio.create_subprocess_exec(
            *inside,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(self._site.environment),
        )
        try:
            await asyncio.wait_for(child.wait(), _LIMIT_S)
        except TimeoutError:
            child.terminate()
            await child.wait()


async def run(people: Sequence[Person]) -> None:
    """Lets all people live until the process is told to end."""
    everybody = asyncio.gather(*(person.live() for person in people))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, everybody.cancel)
    try:
        await everybody
    except asyncio.CancelledError:
        return


if __name__ == "__main__":
    running = Site.attach(sys.argv[1])
    asyncio.run(run([Person(running, host) for host in running.hosts]))
