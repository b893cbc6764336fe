"""Job cards (工序卡): one for each operation and batch, named to a phone by a token that cannot be guessed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence

from peewee import fn

from bizlite.core import store
from bizlite.core.models import Setting
from bizlite.production.models import Card, Count, Operation, Order, Tally

SECRET = "production.secret"  # noqa: S105 - the setting's name
TOKEN_BYTES = 12


def make(order: Order, steps: Sequence[Operation]) -> None:
    """The cards of a released order: batches of ``batch_size``, the last one smaller."""
    if Setting.get_or_none(Setting.name == SECRET) is None:
        store.append(Setting, [{"name": SECRET, "value": json.dumps(secrets.token_hex(32))}])
    rows = [
        {
            "order": order.id, "batch": n + 1, "position": step.position, "operation": step.id, "parent": None,
            "code": f"{order.number}-{n + 1}-{step.position}",
            "quantity": min(order.batch_size, order.quantity - first),
        }
        for n, first in enumerate(range(0, order.quantity, order.batch_size))
        for step in steps
    ]  # fmt: skip
    store.append(Card, rows)


def token(card: int) -> str:
    """What the QR code of a card says after the address: its number, and a proof that it was printed by us."""
    secret = json.loads(Setting.get_by_id(SECRET).value)
    proof = hmac.new(bytes.fromhex(secret), str(card).encode(), hashlib.sha256).digest()[:TOKEN_BYTES]
    return f"{card}-{base64.urlsafe_b64encode(proof).decode()}"


def by_token(text: str) -> Card | None:
    """The card that a token names; nothing for one that we did not print."""
    number, _, _ = text.partition("-")
    if not (number.isascii() and number.isdecimal() and len(number) < 16 and text.isascii()):
        return None
    card: Card | None = Card.get_or_none(Card.id == int(number))
    return card if card is not None and hmac.compare_digest(token(card.id), text) else None


def of_order(order: int) -> list[Card]:
    """The cards in the order of work; a rework card stands behind the one that it belongs to."""
    return list(Card.select().where(Card.order == order).order_by(Card.batch, Card.position, Card.id))


def tally(card: int) -> Tally:
    """How a card stands."""
    return store.get(Tally, card, "card")


def main(card: Card, position: int) -> Card | None:
    """The card of another operation of the same batch, without rework."""
    own = (Card.order == card.order_id) & (Card.batch == card.batch) & (Card.position == position)
    found: Card | None = Card.get_or_none(own & Card.parent.is_null())
    return found


def rework_of(card: int) -> Card | None:
    """The card on which the rework of a card is done."""
    found: Card | None = Card.get_or_none(Card.parent == card)
    return found


def upstream(card: Card) -> list[Card]:
    """The cards whose pieces come to this one."""
    if card.parent_id is not None:
        return [card.parent]
    own = (Card.order == card.order_id) & (Card.batch == card.batch) & (Card.position == card.position - 1)
    return list(Card.select().where(own).order_by(Card.id))


def is_done(card: Card) -> bool:
    """Whether nothing will happen at a card any more: it is finished, or nothing ever comes to it."""
    state = tally(card.id)
    if state.finished:
        return True
    # The first operation always has something to do, unless all of it was cut.
    return not state.received and all(is_done(before) for before in upstream(card))


def output(order: int) -> int:
    """Good pieces of the last operation, all batches together."""
    last = Card.select(fn.MAX(Card.position)).where(Card.order == order)
    return _sum(Tally.good, (Card.order == order) & (Card.position == last))


def expected(order: int) -> int:
    """What the last operation can still make good: what was begun with, less what was scrapped on the way."""
    begun = _sum(Tally.received, (Card.order == order) & (Card.position == 1) & Card.parent.is_null())
    return begun - scrapped(order)


def scrapped(order: int, first: int = 1) -> int:
    """Pieces of an order that were scrapped at operation ``first`` or later."""
    return _sum(Tally.scrap, (Card.order == order) & (Card.position >= first))


def has_counts(order: int) -> bool:
    """Whether anything stands reported of an order; what was taken back does not."""
    done = Tally.good + Tally.scrap + Tally.rework + Tally.finished
    return bool(_sum(done, Card.order == order))


def possible(card: Card) -> int:
    """The most that can ever come to a card, as things are reported now."""
    if card.parent_id is not None or card.position == 1:
        return int(tally(card.id).received)
    batch = (Card.order == card.order_id) & (Card.batch == card.batch)
    begun = _sum(Tally.received, batch & (Card.position == 1) & Card.parent.is_null())
    return begun - _sum(Tally.scrap, batch & (Card.position < card.position))


def counts(card: int) -> list[Count]:
    """What was counted at a card, in order."""
    return list(Count.select().where(Count.card == card).order_by(Count.id))


def _sum(what: object, where: object) -> int:
    query = Tally.select(fn.COALESCE(fn.SUM(what), 0)).join(Card, on=(Tally.card == Card.id))
    return int(query.where(where).scalar())
