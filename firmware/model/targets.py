"""What a line is tested with: an address that is pinged, or a question with its kind before it.

``223.5.5.5``, ``tcp://1.2.3.4:443``, ``dns://223.5.5.5`` (asks for the root's servers), ``dns://223.5.5.5/www.qq.com``,
``http://www.example.com/generate_204``. IPv6 addresses with a kind stand in brackets.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from firmware.model.values import parse_address, parse_hostname, parse_ports

Kind = Literal["ping", "tcp", "dns", "http"]
KINDS: tuple[Kind, ...] = ("ping", "dns", "tcp", "http")
_PORTS: dict[str, int | None] = {"tcp": None, "dns": 53, "http": 80}
_PATH_MAX = 512


class Target(NamedTuple):
    """``host`` is an address, of a page also a name; ``path`` is the page's, of ``dns`` the name that is asked for."""

    kind: Kind
    host: str
    port: int = 0
    path: str = ""

    @property
    def text(self) -> str:
        """As a person writes it, always in the same way."""
        if self.kind == "ping":
            return self.host
        place = f"[{self.host}]" if ":" in self.host else self.host
        if self.port != _PORTS[self.kind]:
            place += f":{self.port}"
        if self.kind == "http":
            return f"http://{place}{self.path}"
        return f"{self.kind}://{place}" + (f"/{self.path}" if self.path else "")

    @property
    def has_name(self) -> bool:
        """Whether the host must be looked up first."""
        try:
            parse_address(self.host)
        except ValueError:
            return True
        return False


def parse_target(text: str) -> Target:
    """What a line is tested with. Raises ValueError."""
    kind, mark, rest = text.partition("://")
    if not mark:
        return Target("ping", str(parse_address(text)))
    place, slash, path = rest.partition("/")
    host, port_text = _split(place)
    port = _PORTS.get(kind, 0) if port_text is None else parse_ports(port_text)[0]
    if kind == "tcp" and port and not slash:
        return Target("tcp", str(parse_address(host)), port)
    if kind == "dns" and port:
        return Target("dns", str(parse_address(host)), port, parse_hostname(path) if path else "")
    if kind == "http" and port and path.isascii() and path.isprintable() and " " not in path and len(path) < _PATH_MAX:
        return Target("http", _host(host), port, f"/{path}")
    raise ValueError(text)


def _split(place: str) -> tuple[str, str | None]:
    if place.startswith("["):
        host, bracket, rest = place[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            raise ValueError(place)
        return host, rest[1:] if rest else None
    host, colon, port = place.partition(":")
    if colon and ("-" in port or ":" in port):
        raise ValueError(place)
    return host, port if colon else None


def _host(text: str) -> str:
    try:
        return str(parse_address(text))
    except ValueError:
        name = parse_hostname(text)
        if name.replace(".", "").isdigit():  # a slip in an address is no name
            raise
        return name
