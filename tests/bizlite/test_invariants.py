"""Random histories of at least 200 operations: the invariants of issue 6 hold, on both databases,"
" and both say the same."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bizlite.core import database, registry, transfer
from bizlite.stock import reservations
from tests.bizlite import invariants
from tests.bizlite.conftest import Fresh, leave
from tests.bizlite.world import Operation, World

EXAMPLES = int(os.environ.get("BIZLITE_EXAMPLES", "5"))
LENGTH = 200
NUMBERS = st.integers(0, 200)
# More than there are operations, so that all modules' have their turn.
LOGS = st.lists(st.tuples(st.integers(0, 999), NUMBERS, NUMBERS, NUMBERS), min_size=LENGTH, max_size=LENGTH + 50)
# Making a failing history smaller takes minutes: only when somebody asks for many.
PHASES = [Phase.generate, Phase.shrink] if EXAMPLES > 5 else [Phase.generate]
TRIED = settings(
    phases=PHASES,
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def live(url: str, log: list[Operation], *, every: int = 50) -> World:
    """A new company lives through the log, and is looked at on the way and at the end."""
    leave()
    registry.open_company(url)
    world = World()
    for n, operation in enumerate(log, 1):
        world.apply(operation)
        if n % every == 0:
            invariants.hold()
    invariants.hold()
    assert {key: quantity for key, quantity in world.reserved.items() if quantity} == {
        key: reservations.held(key) for key in world.reserved if reservations.held(key)
    }
    return world


@TRIED
@given(log=LOGS)
def test_a_history_keeps_every_invariant(sqlite: Fresh, log: list[Operation]) -> None:
    live(sqlite(), log)
    leave()


@settings(TRIED, max_examples=max(3, EXAMPLES // 3))
@given(log=LOGS)
def test_both_databases_give_the_same_bytes(sqlite: Fresh, postgresql: Fresh, log: list[Operation]) -> None:
    exports = []
    for url in (sqlite(), postgresql()):
        live(url, log, every=LENGTH)
        exports.append({t.name: "".join(transfer.as_csv(database.database.obj, t)) for t in transfer.tables()})
        leave()
    for name, text in exports[0].items():
        assert exports[1][name] == text, name
