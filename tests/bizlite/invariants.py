"""What must hold whatever happened, looked at by plain sums over the rows; numbers are those of issue 6."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from typing import Any

from bizlite.finance import account_statement, payments, reports, statements
from bizlite.finance.models import Account, Allocation, Balance, Cash, Day, Entry, Line, Open, Party
from bizlite.production import cards, costs, counting, orders
from bizlite.production.models import Card, Closing, Count, Order, Output, Tally
from bizlite.stock import costing, reservations
from bizlite.stock.models import Cost, Item, Location, Move, OnHand, Reservation
from tests.bizlite import trade


def hold() -> None:
    """Every invariant, now and at every date."""
    ledger_holds()
    statements_hold()
    stock_holds()
    values_hold()
    parties_hold()
    trade.hold()
    production_holds()


def lines() -> list[tuple[Any, ...]]:
    query = Line.select(
        Entry.id, Entry.date, Entry.period, Line.account, Line.aux, Line.debit, Line.credit
    ).join(Entry)  # fmt: skip
    return list(query.where(Entry.posted).tuples())


def ledger_holds() -> None:
    """1 and 2, and the sums that triggers keep are those of the lines."""
    entries: Counter[int] = Counter()
    periods_, days = defaultdict(lambda: [0, 0]), defaultdict(lambda: [0, 0])
    by_date: dict[datetime.date, Counter[str]] = defaultdict(Counter)
    for entry, date, period, account, aux, debit, credit in lines():
        entries[entry] += debit - credit
        for key in {(period, account, "*"), (period, account, aux or "*")}:
            periods_[key][0] += debit
            periods_[key][1] += credit
        if period % 100 <= 12:
            days[date, account][0] += debit
            days[date, account][1] += credit
        # The closing of a year counts from the next day on.
        by_date[date if period % 100 <= 12 else date + datetime.timedelta(days=1)][account] += debit - credit
    assert not [entry for entry, sum_ in entries.items() if sum_]
    assert {(r.period, r.account, r.aux): [r.debit, r.credit] for r in Balance.select()} == dict(periods_)
    assert {(r.date, r.account): [r.debit, r.credit] for r in Day.select()} == dict(days)
    kinds = dict(Account.select(Account.code, Account.kind).tuples())
    running: Counter[str] = Counter()
    for date in sorted(by_date):
        running.update(by_date[date])
        totals = reports.trial_balance(date)
        assert sum(total.balance for total in totals) == 0
        assert {t.account: t.balance for t in totals if t.balance} == {a: b for a, b in running.items() if b}
        assert reports.balance_sheet(date).is_balanced
    assert set(running) <= set(kinds)


def statements_hold() -> None:
    """The three statements of every month are the sums over all lines, and fit each other."""
    cash: dict[int, Counter[str]] = defaultdict(Counter)
    entries = defaultdict(list)
    for entry, _, period, account, _, debit, credit in lines():
        entries[entry, period].append((account, debit, credit))
    opening = {row.id for row in Entry.select().where(Entry.journal == "opening")}
    for (entry, period), legs in entries.items():
        if entry not in opening and any(account.startswith(statements.MONEY) for account, _, _ in legs):
            for account, debit, credit in legs:
                if not account.startswith(statements.MONEY):
                    cash[period][f"{account} received"] += credit
                    cash[period][f"{account} paid"] += debit
    kept: dict[int, Counter[str]] = defaultdict(Counter)
    for row in Cash.select():
        kept[row.period].update({f"{row.account} received": row.received, f"{row.account} paid": row.paid})
    assert kept == cash
    result = level = year = 0
    for period in sorted({period for _, period in entries}):
        legs = [leg for (_, p), found in entries.items() if p == period for leg in found]
        level += sum(debit - credit for account, debit, credit in legs if account.startswith(statements.MONEY))
        if period // 100 != year:  # its January may have no entry
            result, year = 0, period // 100
        if period % 100 > 12:
            continue
        result += sum(credit - debit for account, debit, credit in legs if account.startswith("5"))
        sheet = {row.row.number: row for row in statements.balance_sheet(period)}
        assert (sheet[30].now, sheet[30].year) == (sheet[53].now, sheet[53].year)
        income = {row.row.number: row for row in statements.income_statement(period)}
        assert income[32].year == result
        flow = {row.row.number: row for row in statements.cash_flow(period)}
        assert flow[22].now == flow[22].year == sheet[1].now == level
        net = sum(n * (1 if "received" in name else -1) for name, n in cash[period].items())
        assert flow[20].now == net


def stock_holds() -> None:
    """3 and the stock's part of 8."""
    spots: Counter[tuple[int, int, int]] = Counter()
    kinds = dict(Location.select(Location.id, Location.kind).tuples())
    negative = {item.id for item in Item.select() if item.may_be_negative}
    moves = list(Move.select().order_by(Move.date, Move.rank, Move.id))
    for n, move in enumerate(moves):
        spots[move.item_id, move.lot, move.source_id] -= move.quantity
        spots[move.item_id, move.lot, move.target_id] += move.quantity
        following = moves[n + 1] if n + 1 < len(moves) else None
        if following is None or (following.date, following.rank) != (move.date, move.rank):
            for spot in ((move.item_id, move.lot, move.source_id), (move.item_id, move.lot, move.target_id)):
                assert spots[spot] >= 0 or spot[0] in negative or kinds[spot[2]] != "internal"
    rows = list(OnHand.select())
    assert {(r.item, r.lot, r.location): r.quantity for r in rows if r.quantity} == {
        k: q for k, q in spots.items() if q
    }
    sums: Counter[tuple[int, int]] = Counter()
    for row in rows:
        sums[row.item, row.lot] += row.quantity
    assert not any(sums.values())
    reserved: Counter[tuple[int, int, int]] = Counter()
    for row in Reservation.select():
        reserved[row.item_id, row.lot, row.location_id] += row.quantity
    assert {(r.item, r.lot, r.location): r.reserved for r in rows if r.reserved} == dict(reserved)
    assert all(r.reserved <= r.quantity for r in rows if r.reserved and r.item not in negative)


def values_hold() -> None:
    """4: at the end of every day the stock account has, of each item, what its quantity is worth;"
    " snapshots are a replay."""
    booked: dict[str, Counter[datetime.date]] = defaultdict(Counter)
    accounts = {f"item:{item.id}": item.account for item in Item.select()}
    for _, date, _, account, aux, debit, credit in lines():
        if accounts.get(aux) == account:
            booked[aux][date] += debit - credit
    for item in Item.select():
        costs = costing._Costs(costing.FIRST)
        query = Move.select().where((Move.item == item) & (Move.direction != "within"))
        ends: dict[datetime.date, tuple[int, int]] = {}
        quantity = 0
        kept = {row.move: row for row in Cost.select().where(Cost.item == item.id)}
        for move in query.order_by(Move.date, Move.rank, Move.id):
            step = costs.step(move)
            row = kept.pop(move.id)
            quantity += move.quantity if move.direction == "in" else -move.quantity
            assert (row.change, row.variance, row.quantity, row.value) == (
                step.change, step.variance, step.state.quantity, step.state.value,
            )  # fmt: skip
            assert row.quantity == quantity
            ends[move.date] = (quantity, step.state.value)
        assert not kept
        value = 0
        aux = f"item:{item.id}"
        for date in sorted({*ends, *booked[aux]}):
            value += booked[aux][date]
            state = costing.state_at(item.id, date)
            assert value == state.value, (item.code, date)
            assert ends.get(date, (state.quantity, state.value)) == (state.quantity, state.value)
            # The average is the fraction value / quantity: on hand times it is the value, and nothing is worth nothing.
            assert state.quantity or not state.value
            assert state.value * state.quantity >= 0


def parties_hold() -> None:
    """6, as far as money goes: what is open of a party is what the account says, and what was allocated was there."""
    taken: Counter[int] = Counter()
    for row in Allocation.select():
        taken[row.claim_id] += row.amount
        taken[row.cover_id] += row.amount
    for row in Open.select():
        assert row.rest == row.total - taken[row.id]
        assert 0 <= row.rest <= row.total
    booked: Counter[tuple[str, str]] = Counter()
    for _, _, _, account, aux, debit, credit in lines():
        booked[account, aux] += debit - credit
    for party in Party.select():
        for name, sign in (("receivable", 1), ("payable", -1)):
            whole = account_statement.make(party.id, name, datetime.date(2026, 2, 10), datetime.date(2199, 12, 31))
            assert whole.after == sign * booked[account_statement.ACCOUNTS[name], f"party:{party.id}"]
        aux = f"party:{party.id}"
        assert payments.open_balance(party.id, "receivable") == booked["1122", aux]
        assert payments.open_balance(party.id, "payable") == -booked["220201", aux]


def production_holds() -> None:
    """7, by plain sums over what was counted; and 8 for work orders."""
    kept = {row.card_id: row for row in Tally.select()}
    every = {row.id: row for row in Card.select()}
    sums: dict[int, Counter[str]] = {card: Counter() for card in every}
    for count in Count.select():
        for name in ("received", "good", "scrap", "rework", "finished"):
            sums[count.card_id][name] += getattr(count, name)
    good: Counter[tuple[int, int, int]] = Counter()
    for card in every.values():
        good[card.order_id, card.batch, card.position] += sums[card.id]["good"]
    for card in every.values():
        own, row = sums[card.id], kept[card.id]
        if card.parent_id is not None:
            came = sums[card.parent_id]["rework"]
        elif card.position == 1:
            came = card.quantity + own["received"]
        else:
            came = good[card.order_id, card.batch, card.position - 1]
        done = own["good"] + own["scrap"] + own["rework"]
        assert (row.received, row.good, row.scrap, row.rework, row.finished) == (
            came, own["good"], own["scrap"], own["rework"], own["finished"],
        )  # fmt: skip
        assert min(own["good"], own["scrap"], own["rework"]) >= 0
        assert done == came if own["finished"] else done <= came
        assert all(report.quantity or report.kind == "finish" for report in counting.waiting(card.id))
    ended = {row.order_id: row.kind for row in Closing.select()}
    received: Counter[int] = Counter()
    for row in Output.select():
        received[row.order_id] += row.quantity
    for order in Order.select().where(Order.posted):
        made = cards.output(order.id)
        assert received[order.id] == orders.received(order.id)
        assert received[order.id] == made if ended.get(order.id) == "closed" else received[order.id] <= made
        if order.id in ended:
            keys = [orders.key(order.id, material) for material in orders.materials(order.id)]
            assert not any(reservations.held(key) for key in keys)
            assert ended[order.id] == "closed" or not costs.booked(order)


def snapshot() -> dict[str, Any]:
    """What a storno must restore: balances of every day, stock and its value on every day, what is open"
    " and reserved."""
    balances: Counter[tuple[Any, ...]] = Counter()
    for _, date, _, account, aux, debit, credit in lines():
        balances[date, account, aux] += debit - credit
    dates = sorted({move.date for move in Move.select(Move.date)})
    changes = []  # states of a day that are not those of the day before: a day on which nothing is left is none
    for item in Item.select():
        state = costing.FIRST
        for date in dates:
            before, state = state, costing.state_at(item.id, date)
            if state != before:
                changes.append((item.id, date, state))
    reserved: Counter[tuple[Any, ...]] = Counter()
    for row in Reservation.select():
        reserved[row.source_kind, row.source_id, row.source_line, row.item_id, row.lot, row.location_id] += row.quantity
    return {
        "balances": {key: amount for key, amount in balances.items() if amount},
        "states": changes,
        "on_hand": {(r.item, r.lot, r.location): r.quantity for r in OnHand.select() if r.quantity},
        "reserved": dict(reserved),
        "trade": trade.snapshot(),
        "open": sorted((r.document_kind, r.document_id, r.rest) for r in Open.select() if r.rest),
    }
