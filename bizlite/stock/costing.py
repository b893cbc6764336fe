"""Costs of an item's moves from a day on: what is new, and what a back-dated move changed behind it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from peewee import Tuple

from bizlite.core import store
from bizlite.core.exact import half_up
from bizlite.stock import valuation
from bizlite.stock.models import Cost, Item, Move
from bizlite.stock.valuation import State, Step

FIRST = State()


@dataclass(frozen=True, slots=True)
class Revalued:
    """By how much a move's value and variance differ from what the ledger has of it."""

    move: Move
    change: int
    variance: int


def state_at(item: int, date: datetime.date) -> State:
    """On hand and value at the end of a day."""
    return _before([item], (date + datetime.timedelta(days=1), 0)).get(item, FIRST)


def differing(item: int) -> list[int]:
    """The moves of an item whose kept cost is not what all its moves, replayed from the first, give."""
    moves = Move.select().where((Move.item == item) & (Move.direction != "within"))
    old = {row.move: row for row in Cost.select().where(Cost.item == item)}
    changed: list[tuple[Move, Step]] = []
    _recost(_Costs(FIRST), list(moves.order_by(Move.date, Move.rank, Move.id)), old, [], changed)
    return [move.id for move, _step in changed]


def recost(items: list[int], date: datetime.date, rank: int) -> list[Revalued]:
    """Values the items' moves anew from (date, rank) on, keeps it, and gives what is different.

    One step for each move when nothing lies behind; else as many as lie behind.
    """
    moves: dict[int, list[Move]] = {item: [] for item in items}
    where = (Move.item << items) & (Move.direction != "within") & (Tuple(Move.date, Move.rank) >= Tuple(date, rank))
    for move in Move.select().where(where).order_by(Move.date, Move.rank, Move.id):
        moves[move.item_id].append(move)
    where = (Cost.item << items) & (Tuple(Cost.date, Cost.rank) >= Tuple(date, rank))
    old = {row.move: row for row in Cost.select().where(where)}
    before = _before(items, (date, rank))
    revalued: list[Revalued] = []
    changed: list[tuple[Move, Step]] = []
    for item in items:
        _recost(_Costs(before.get(item, FIRST)), moves[item], old, revalued, changed)
    _keep(changed, old)
    return revalued


def _recost(
    costs: _Costs, moves: list[Move], old: dict[int, Cost], revalued: list[Revalued], changed: list[tuple[Move, Step]]
) -> None:
    for move in moves:
        step = costs.step(move)
        row = old.get(move.id)
        before = (row.change, row.variance) if row else (0, 0)
        if (step.change, step.variance) != before:
            revalued.append(Revalued(move, step.change - before[0], step.variance - before[1]))
        if row is None or (step.change, step.variance, _state(row)) != (row.change, row.variance, step.state):
            changed.append((move, step))


def _keep(changed: list[tuple[Move, Step]], old: dict[int, Cost]) -> None:
    known = [move.id for move, _ in changed if move.id in old]
    for start in range(0, len(known), store.CHUNK):
        Cost.delete().where(Cost.move << known[start : start + store.CHUNK]).execute()
    store.append(
        Cost,
        [
            {
                "move": move.id, "item": move.item_id, "date": move.date, "rank": move.rank,
                "change": step.change, "variance": step.variance, "quantity": step.state.quantity,
                "value": step.state.value,
                "rate_value": step.state.rate_value, "rate_quantity": step.state.rate_quantity,
            }
            for move, step in changed
        ],
    )  # fmt: skip


class _Costs:
    """The costs of moves one by one, in order."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.done: dict[int, Step] = {}
        self.group: tuple[datetime.date, int] | None = None  # moves that stand directly behind each other
        self.start = state  # state before the group
        self.sums: dict[tuple[datetime.date, int], list[int]] = {}

    def step(self, move: Move) -> Step:
        group = (move.date, move.rank)
        if group != self.group:
            self.group, self.start = group, self.state
        step = self._step(move)
        sums = self.sums.setdefault(group, [0, 0])
        sums[0] += step.change
        sums[1] += step.variance
        self.done[move.id] = step
        self.state = step.state
        return step

    def _step(self, move: Move) -> Step:
        if move.basis == "reverse":
            return self._reverse(move)
        if move.direction == "out" and move.basis == "average":
            return valuation.take(self.state, move.quantity)
        if move.direction == "out":  # a later cost of an issue does not exist; goods go back at their price
            return valuation.give_back(self.state, move.quantity, self._worth(move))
        return valuation.put(self.state, move.quantity, self._worth(move))

    def _worth(self, move: Move) -> int:
        if move.basis == "given":
            return int(move.value)
        if move.basis == "average":
            return self.state.worth(move.quantity)
        origin = move.origin
        given = sum(self._of(origin))
        return half_up(abs(given) * move.quantity, origin.quantity)

    def _reverse(self, move: Move) -> Step:
        origin = move.origin
        if (origin.date, origin.rank) == self.group:
            # Directly behind what it reverses: as if neither had been.
            change, variance = self.sums[self.group]
            return Step(self.start, -change, -variance)
        given = sum(self._group_of(origin))
        if move.direction == "in":
            return valuation.put(self.state, move.quantity, -given)
        return valuation.give_back(self.state, move.quantity, given)

    def _of(self, origin: Move) -> tuple[int, int]:
        if origin.id in self.done:
            step = self.done[origin.id]
            return step.change, step.variance
        row = Cost.get_by_id(origin.id)
        return row.change, row.variance

    def _group_of(self, origin: Move) -> tuple[int, int]:
        sums = self.sums.get((origin.date, origin.rank))
        if sums:
            return sums[0], sums[1]
        where = (Cost.item == origin.item_id) & (Cost.date == origin.date) & (Cost.rank == origin.rank)
        rows = list(Cost.select(Cost.change, Cost.variance).where(where))
        return sum(row.change for row in rows), sum(row.variance for row in rows)


def _before(items: list[int], key: tuple[datetime.date, int]) -> dict[int, State]:
    """The state of each item before (date, rank): one look into the index for each, in one statement."""
    last = Cost.alias()
    newest = (
        last.select(last.move)
        .where((last.item == Item.id) & (Tuple(last.date, last.rank) < Tuple(*key)))
        .order_by(last.item.desc(), last.date.desc(), last.rank.desc(), last.move.desc())
        .limit(1)
    )
    rows = Cost.select().join(Item, on=(Cost.move == newest)).where(Item.id << items)
    return {row.item: _state(row) for row in rows}


def _state(row: Cost) -> State:
    return State(row.quantity, row.value, row.rate_value, row.rate_quantity)
