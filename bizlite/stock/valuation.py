"""Moving average, exact to the cent: pure functions from a state and a move to the next state.

The value of an item is an integer that moves change, never a quantity times a rounded cost. The average is the fraction
value / quantity; an issue takes its share rounded half up, the last piece takes what is left, so 0 pieces are worth 0.

Stock below 0 (only where an item allows it) is valued at the last average there was. What then comes in at another cost
fills the hole at the hole's own cost first; the difference is the ``variance``, a cost and no value of stock.
"""

from __future__ import annotations

from dataclasses import dataclass

from bizlite.core.exact import half_up


@dataclass(frozen=True, slots=True)
class State:
    """On hand and its value; the last average of a positive stock is rate_value / rate_quantity."""

    quantity: int = 0
    value: int = 0
    rate_value: int = 0
    rate_quantity: int = 1

    def worth(self, quantity: int) -> int:
        """What a quantity is worth at the average."""
        if self.quantity > 0:
            return half_up(self.value * quantity, self.quantity)
        return half_up(self.rate_value * quantity, self.rate_quantity)


@dataclass(frozen=True, slots=True)
class Step:
    """What a move did: ``change`` of the stock's value; ``change + variance`` is what the other side gave."""

    state: State
    change: int
    variance: int


def take(state: State, quantity: int) -> Step:
    """An issue at the average."""
    covered = min(max(state.quantity, 0), quantity)
    worth = state.value if covered and covered == state.quantity else state.worth(covered) if covered else 0
    if covered < quantity:
        worth += half_up(state.rate_value * (quantity - covered), state.rate_quantity)
    return _to(state, state.quantity - quantity, state.value - worth, -worth)


def put(state: State, quantity: int, value: int) -> Step:
    """A receipt of a quantity (0 for a cost that comes later) that is worth ``value``."""
    after = state.quantity + quantity
    if state.quantity >= 0:
        return _to(state, after, state.value + value, value)
    if after <= 0:
        return _to(state, after, half_up(state.value * after, state.quantity), value)
    return _to(state, after, half_up(value * after, quantity), value)


def give_back(state: State, quantity: int, value: int) -> Step:
    """A receipt is taken back at what it was worth then (its storno on a later day)."""
    return _to(state, state.quantity - quantity, state.value - value, -value)


def _to(state: State, quantity: int, value: int, given: int) -> Step:
    """The next state with a value that its quantity can have; the rest of what was given is variance."""
    if quantity == 0:
        value = 0
    elif quantity > 0:
        value = max(value, 0)
    else:
        value = min(value, 0)
    rate = (value, quantity) if quantity > 0 else (state.rate_value, state.rate_quantity)
    change = value - state.value
    return Step(State(quantity, value, *rate), change, given - change)
