"""Names of applications and categories in the reader's language, and how a page groups and finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# The database's categories in the order in which a shop owner looks for them.
CATEGORY_ORDER = (
    "video", "live", "game", "im", "social", "stock", "p2p", "download", "music", "shopping", "news", "web", "search",
    "mail", "office", "meeting", "ai", "education", "payment", "cloud", "remote", "vpn", "iot", "network", "system",
    "ads", "adult", "threat", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ApplicationName:
    id: str
    name_zh: str
    name_en: str
    category: str
    suspected: bool = False  # only ever told by behaviour; no category of a policy means it

    def name(self, language: str) -> str:
        return (self.name_zh if language == "zh" else self.name_en) or self.id


class Names:
    """All applications by id."""

    def __init__(self, applications: list[ApplicationName]) -> None:
        self.by_id = {item.id: item for item in applications}

    @classmethod
    def from_reply(cls, reply: Any) -> Names:
        """From rsd's answer to ``applications``."""
        rows = reply["applications"] if isinstance(reply, dict) else reply
        return cls(
            [
                ApplicationName(r["id"], r["name_zh"], r["name_en"], r["category"], bool(r.get("suspected")))
                for r in rows
            ]
        )

    def application(self, identifier: str, language: str) -> str:
        """The application's name; an id without one is shown as it is."""
        found = self.by_id.get(identifier)
        return found.name(language) if found else identifier

    def category_of(self, identifier: str) -> str:
        found = self.by_id.get(identifier)
        return found.category if found else "other"

    def find(self, words: str, language: str) -> list[tuple[str, list[ApplicationName]]]:
        """Applications whose id or either name contains ``words``, by category, in the reader's order of names."""
        wanted = words.strip().casefold()
        found: dict[str, list[ApplicationName]] = {}
        for item in self.by_id.values():
            if wanted in f"{item.id} {item.name_zh} {item.name_en}".casefold():
                found.setdefault(item.category, []).append(item)
        order = {category: place for place, category in enumerate(CATEGORY_ORDER)}
        return [
            (category, sorted(found[category], key=lambda item: item.name(language).casefold()))
            for category in sorted(found, key=lambda category: order.get(category, len(order)))
        ]
