"""A child that posts until it is killed; each line it prints was acknowledged.

``python -m tests.bizlite.poster URL SEED``
"""

from __future__ import annotations

import random
import sys
from collections import Counter

from bizlite.core import registry
from bizlite.core.errors import Refused
from bizlite.finance.models import Entry
from bizlite.stock import items, transfers
from bizlite.stock.models import Item, Transfer
from tests.bizlite.shop import day
from tests.bizlite.world import World


def main(url: str, seed: int) -> None:
    registry.open_company(url)
    session = World.session_of()
    item = Item.get_or_none(Item.code == "K") or items.add_item(session, "K", "killed")
    store, supplier, customer = (items.place(code) for code in ("MAIN", "SUPPLIER", "CUSTOMER"))
    chance = random.Random(seed)
    print("ready", flush=True)
    while True:
        ways = [(supplier, store, chance.randrange(1000)), (store, customer, None)]
        lines = [
            transfers.Line(item=item.id, quantity=chance.randrange(1, 9), source=source, target=target, value=value)
            for source, target, value in chance.choices(ways, weights=(2, 1), k=chance.randrange(1, 4))
        ]
        try:
            posted = transfers.post(session, "both", day(chance.randrange(100)), lines)
        except Refused:
            continue
        print(posted.number, flush=True)


def acknowledged(lines: list[str]) -> None:
    """What was said to be posted is there, whole and numbered without gaps."""
    numbers = [row.number for row in Transfer.select().order_by(Transfer.id)]
    assert set(lines) <= set(numbers)
    assert len(numbers) == len(set(numbers)) == Transfer.select().where(Transfer.posted).count()
    years = Counter(number.rpartition("-")[0] for number in numbers)
    assert set(numbers) == {f"{year}-{place:05}" for year, most in years.items() for place in range(1, most + 1)}
    assert not Entry.select().where(~Entry.posted).count()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
