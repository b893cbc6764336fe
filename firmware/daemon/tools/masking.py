"""What must not, or shall not, be in a file for strangers: the box's secrets, and where wanted addresses and MACs.

Nothing that goes into the file is meant to hold a secret; this is the second wall, for a log that says too much.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

MASK = "(secret)"
_LEAST_LETTERS = 4  # a password of less would mask half the file, and is none
_MAC = re.compile(r"(?<![0-9A-Fa-f:])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Fa-f:])")
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}(?<![:.](?=[^:]))(?![0-9A-Za-z:])")
_KEY_BEGINS = "-----BEGIN"


def secrets(state_dir: Path, run_dir: Path) -> frozenset[str]:
    """All that the box keeps secret, as far as it lies in files: password hashes, tokens, passwords of lines, keys."""
    found = set(_words(_json(state_dir / "secrets.json")))
    for path in [*state_dir.rglob("*.key"), *state_dir.rglob("*.pem"), run_dir / "session.key"]:
        found |= set(_key_lines(path))
    for path in [run_dir / "first-password", state_dir / "first-password"]:
        found.add(_text(path).strip())
    for path in (run_dir / "ppp").glob("*.secret"):
        found |= set(re.findall(r'"(.+)"', _text(path)))
    return frozenset(word for word in found if len(word) >= _LEAST_LETTERS)


class Masks:
    """``key`` keeps replacements the same within one file and different in the next."""

    def __init__(self, known: frozenset[str], key: bytes, *, is_anonymous: bool) -> None:
        # The longest first: one secret may be a part of another. JSON and others write some letters in their own way.
        spelt = {
            form
            for word in known
            for form in (word, json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1])
        }
        ordered = sorted(spelt, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, ordered))) if ordered else None
        self._key, self._is_anonymous = key, is_anonymous
        self._flips: dict[tuple[int, int, int], int] = {}
        self._seen: dict[str, str] = {}
        self.masked = 0

    def __call__(self, text: str) -> str:
        """The text as it may be seen."""
        if self._secrets is not None:
            text, count = self._secrets.subn(MASK, text)
            self.masked += count
        if self._is_anonymous:
            text = _MAC.sub(lambda match: self._mac(match[0]), text)
            text = _IPV6.sub(lambda match: self._address(match[0]), text)
            text = _IPV4.sub(lambda match: self._address(match[0]), text)
        return text

    def _mac(self, text: str) -> str:
        plain = text.lower().replace("-", ":")
        if plain in ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff") or int(plain[:2], 16) & 1:
            return text
        digest = hmac.digest(self._key, plain.encode(), "sha256")
        return "02:" + digest[:5].hex(":")  # locally administered: no maker's

    def _address(self, text: str) -> str:
        """Another address, that shares with others' replacements as long a prefix as the addresses do (Crypto-PAn)."""
        if text not in self._seen:
            try:
                address = ip_address(text)
            except ValueError:
                return text
            self._seen[text] = str(self._replaced(address))
        return self._seen[text]

    def _replaced(self, address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
        is_mask = address.version == 4 and int(address) >> 24 == 0xFF
        if is_mask or address.is_unspecified or address.is_loopback or address.is_multicast:
            return address
        value, width, changed = int(address), address.max_prefixlen, 0
        for bit in range(width):
            place = (width, bit, value >> (width - bit))
            if (flip := self._flips.get(place)) is None:
                flip = self._flips[place] = hmac.digest(self._key, repr(place).encode(), hashlib.sha256)[0] & 1
            changed = changed << 1 | ((value >> (width - 1 - bit) & 1) ^ flip)
        return type(address)(changed)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _words(value: Any) -> Iterator[str]:
    """Everything secret in secrets.json: hashes whole and in their parts, digests, passwords; and all that is new."""
    if not isinstance(value, dict):
        return
    for kept in (value.get("passwords") or {}).values():
        yield from (str(kept), *str(kept).split("$"))
    for token in value.get("tokens") or ():
        yield str(token.get("digest", ""))
    for name, kept in value.items():
        if name not in ("passwords", "tokens"):
            yield from _leaves(kept)


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)


def _key_lines(path: Path) -> Iterator[str]:
    """The lines of a private key; what is between the marks of a certificate everybody may see."""
    is_private = False
    for line in _text(path).splitlines():
        if line.startswith(_KEY_BEGINS):
            is_private = "PRIVATE" in line
        elif is_private and not line.startswith("-----"):
            yield line.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
