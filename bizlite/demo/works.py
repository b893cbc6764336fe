"""Makes the works for machine parts: its master data and opening balances, by the commands that the pages use."""

from __future__ import annotations

import datetime

from bizlite.core import company
from bizlite.core.session import EVERYTHING, Session
from bizlite.demo.clock import Clock
from bizlite.demo.facts import (
    BOUGHT,
    CAUSES,
    CENTRES,
    CUSTOMERS,
    FEN,
    MADE,
    MAIN,
    PIN,
    STEPS,
    SUPPLIERS,
    WORKERS,
    YUAN,
    scale,
)
from bizlite.demo.weeks import Weeks
from bizlite.finance import forecast, ledger, opening, parties
from bizlite.production import boms, causes, centres, routings, workers
from bizlite.purchasing import suppliers
from bizlite.quality import plans
from bizlite.sales import contacts, prices
from bizlite.stock import counting, items, planning

BEGUN_WEEKS_AGO = 9


def build(today: datetime.date, language: str, zone: datetime.tzinfo) -> None:
    """Makes the whole company within the caller's transaction: master data, then nine weeks until ``today``."""
    clock = Clock(today - datetime.timedelta(weeks=BEGUN_WEEKS_AGO, days=today.weekday()), zone)
    session = Session(user="demo", rights=frozenset({EVERYTHING}), now=clock.now, zone=zone)
    words = 1 if language == "en" else 0
    works = Works(session, clock.day, words)
    works.begin()
    Weeks(session, clock, works.ids, words).run(today)


class Works:
    """The master data, made by the same commands as the pages use."""

    def __init__(self, session: Session, day: datetime.date, language: int) -> None:
        self.session, self.day, self.n = session, day, language
        self.ids: dict[str, int] = {}

    def begin(self) -> None:
        self.firm()
        self.people()
        self.items()
        self.made()
        self.inspections()
        self.balances()

    def firm(self) -> None:
        texts = {
            "name": ("恒锐机械零件厂（演示）", "Hengrui Machine Parts (demo)"),
            "address": ("虚构市示例路 8 号", "8 Example Road, Nowhere"), "phone": ("000-0000000", "000-0000000"),
            "tax_number": ("000000000000000000", "000000000000000000"),
            "bank": ("示例银行 0000 0000", "Example Bank 0000 0000"),
        }  # fmt: skip
        company.change(self.session, **{field: words[self.n] for field, words in texts.items()})

    def people(self) -> None:
        for code, (name, days) in CUSTOMERS.items():
            row = parties.add(self.session, code, name[self.n], is_customer=True, payment_days=days)
            self.ids[code] = row.id
        contacts.add(self.session, self.ids["C01"], ("周经理", "Ms Zhou")[self.n], role=("采购", "Purchasing")[self.n])
        group = contacts.add_group(self.session, "OLD", ("老客户", "Old customers")[self.n], discount=500)
        contacts.join(self.session, group.id, self.ids["C01"])
        for code, (name, days, _lead, _sold) in SUPPLIERS.items():
            row = parties.add(self.session, code, name[self.n], is_supplier=True, payment_days=days)
            self.ids[code] = row.id
        for code, name in WORKERS:
            self.ids[code] = workers.add(self.session, code, name[self.n], pin=PIN).id
        for cause in CAUSES:
            causes.add(self.session, cause[self.n])
        for code, (name, machines) in CENTRES.items():
            self.ids[code] = centres.add(self.session, code, name[self.n], machines=machines).id

    def items(self) -> None:
        for code, (name, unit, *_) in BOUGHT.items():
            self.ids[code] = items.add_item(self.session, code, name[self.n], unit=unit, account="1403").id
        for code, (name, *_) in MADE.items():
            self.ids[code] = items.add_item(self.session, code, name[self.n], account="1405").id
        for code, (_name, _days, lead, sold) in SUPPLIERS.items():
            for item, fen in sold.items():
                suppliers.add(
                    self.session, self.ids[code], self.ids[item], fen * YUAN // FEN, lead_days=lead,
                    least=scale(item), multiple=scale(item), tolerance=500, is_preferred=True,
                )  # fmt: skip
        for item, (least, most) in {"S45-60": (300, 900), "B6204": (200, 400), "M8-25": (400, 1500)}.items():
            unit = scale(item)
            planning.set_reorder(self.session, self.ids[item], least * unit, most * unit, multiple=unit, lead_days=3)

    def made(self) -> None:
        for code, (_name, _there, _worth, price, materials, steps) in MADE.items():
            item = self.ids[code]
            lines = [
                boms.Component(item=self.ids[part], quantity=amount, scrap=0 if amount < 10 else 300)
                for part, amount in materials.items()
            ]
            bom = boms.draft(self.session, item, "A", 1, lines, date=self.day)
            boms.release(self.session, bom.id, bom.version)
            own = [
                routings.Step(
                    code=step, name=STEPS[step][self.n], centre=self.ids[centre], setup_s=minutes * 60,
                    run_ms=seconds * 1000, rate=fen * YUAN // FEN,
                )
                for step, centre, minutes, seconds, fen in steps
            ]  # fmt: skip
            routing = routings.draft(self.session, item, "A", own, date=self.day)
            routings.release(self.session, routing.id, routing.version)
            prices.add(self.session, item, self.day, price * YUAN)

    def inspections(self) -> None:
        shaft = [
            plans.Look(
                name=("轴承位直径", "Diameter of the seat")[self.n], unit="mm", scale=3, low=19_980, high=20_000
            ),
            plans.Look(name=("无划伤", "No scratches")[self.n]),
        ]
        self.ids["Q-SH"] = plans.add(
            self.session, "Q-SH", ("轴磨削后检验", "Shaft after grinding")[self.n], "operation", self.ids["SH-100"],
            shaft, operation="grind", sample=2,
        ).id  # fmt: skip
        bar = [plans.Look(name=("材质证明", "Certificate of the material")[self.n])]
        name = ("圆钢入厂检验", "Steel bars as they come")[self.n]
        self.ids["Q-S45"] = plans.add(self.session, "Q-S45", name, "receipt", self.ids["S45-60"], bar).id

    def balances(self) -> None:
        """What was there on the first day, and the costs that come every month."""
        stock = [(code, count, worth) for code, (_n, _u, count, worth) in BOUGHT.items()]
        stock += [(code, count, worth) for code, (_n, count, worth, *_) in MADE.items() if count]
        counting.post(self.session, self.day, [
            counting.Counted(item=self.ids[code], location=MAIN, quantity=count * scale(code),
                             value=count * worth * FEN)
            for code, count, worth in stock
        ])  # fmt: skip
        value = sum(count * worth for _code, count, worth in stock) * FEN
        bank, machines = 260_000 * FEN, 840_000 * FEN
        balances = {"1002": bank, "1601": machines, "1901": value}
        lines = [opening.Opening(account=account, debit=debit) for account, debit in balances.items()]
        opening.post(self.session, self.day, [*lines, opening.Opening(account="3001", credit=bank + machines + value)])
        for words, yuan in ((("厂房租金", "Rent"), 12_000), (("工资", "Wages"), 58_000)):
            first = ledger.check_date(self.day.replace(day=28))
            forecast.add_recurring(self.session, words[self.n], "out", yuan * FEN, first)
