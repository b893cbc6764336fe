"""The demo's nine weeks: every order is bought for, made, inspected, delivered, invoiced and paid, day by day.

All is planned from the first day on as events; those that lie behind today do not happen, so that the demo always ends
in the middle of work. The same day always gives the same company.
"""

from __future__ import annotations

import datetime
import heapq
from collections.abc import Callable

from bizlite.core.session import Session
from bizlite.demo.clock import Clock
from bizlite.demo.facts import FEN, ORDERS, YUAN
from bizlite.demo.sale import Sale
from bizlite.demo.shop import Shop
from bizlite.finance import ledger, periods
from bizlite.sales import lines, opportunities, orders, quotations

Event = Callable[[], object]
ONE_DAY = datetime.timedelta(days=1)


class Weeks:
    """The history; ``ids`` are the rows of the master data by their codes."""

    def __init__(self, session: Session, clock: Clock, ids: dict[str, int], language: int) -> None:
        self.session, self.clock, self.ids, self.n = session, clock, ids, language
        self.shop = Shop(session, clock, ids, language)
        self.first = clock.day
        self.events: list[tuple[datetime.date, int, int, Event]] = []

    def run(self, today: datetime.date) -> None:
        """Lets everything happen until the end of ``today``."""
        for number, (week, weekday, customer, wanted) in enumerate(ORDERS):
            day = self.first + datetime.timedelta(weeks=week, days=weekday)
            if day <= today:
                Sale(self, number, customer, wanted).plan(day)
        self.months(today)
        self.today(today)
        while self.events and self.events[0][0] <= today:
            self.clock.day, hour, _, event = heapq.heappop(self.events)
            self.clock.at(hour)
            event()

    def at(self, day: datetime.date, hour: int, event: Event) -> datetime.date:
        """Plans an event for the first working day from ``day`` on, and gives that."""
        while day.weekday() > 4:
            day += ONE_DAY
        heapq.heappush(self.events, (day, hour, len(self.events), event))
        return day

    def months(self, today: datetime.date) -> None:
        """Rent and wages; every month is closed but the last that is over, which is left for trying it."""
        month = periods.of(self.first)
        while month <= periods.of(today):
            self.at(periods.first_day(month).replace(day=25), 16, self.pay_costs)
            behind = periods.after(month)
            if behind < periods.of(today):
                self.at(periods.first_day(behind).replace(day=8), 18, lambda month=month: self.close(month))
            month = behind

    def close(self, month: int) -> None:
        periods.close(self.session, month)

    def pay_costs(self) -> None:
        for words, yuan in ((("厂房租金", "Rent"), 12_000), (("工资", "Wages"), 58_000)):
            legs = [ledger.Leg(account="5602", debit=yuan * FEN), ledger.Leg(account="1002", credit=yuan * FEN)]
            ledger.post(self.session, self.clock.day, legs, text=words[self.n])

    def today(self, today: datetime.date) -> None:
        """What lies on the desk: an offer, an enquiry, an order that is not confirmed, something that went wrong."""
        self.at_or_before(today, lambda: self.shop.complain(today))
        self.at_or_before(today, self.desk)

    def at_or_before(self, day: datetime.date, event: Event) -> None:
        while day.weekday() > 4:
            day -= ONE_DAY
        self.at(day, 17, event)

    def desk(self) -> None:
        day, until = self.clock.day, self.clock.day + datetime.timedelta(days=30)
        asked = [lines.Wanted(item=self.ids["RO-500"], quantity=80, price=349 * YUAN)]
        offer = quotations.draft(self.session, self.ids["C01"], day, until, asked)
        quotations.send(self.session, offer.id)
        title = ("三条输送线的备件", "Spare parts for three conveyor lines")[self.n]
        opportunities.add(self.session, self.ids["C02"], day, title, amount=46_000 * FEN, closes=until)
        orders.draft(self.session, self.ids["C05"], day, [lines.Wanted(item=self.ids["BU-40"], quantity=150)])
