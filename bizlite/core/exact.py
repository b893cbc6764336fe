"""Exact values, and the one rounding rule of the product.

Money is an integer of minor units (fen), a quantity an integer of the item's smallest unit (grams where the unit is kg
with scale 3), a unit price an integer of millionths of the major unit, a tax rate an integer of basis points (1300 is
13 %). Nothing is ever a float. Documents name the rule in their column ``rounding``, so that a later rule does not
change what an old document says.
"""

from __future__ import annotations

import re

from bizlite.core.errors import refuse

ROUNDING = "line-half-up"  # each line rounds by half_up, sums are sums of rounded lines
MINOR = 2  # digits of the minor unit
PRICE = 6  # digits of a unit price
BASIS_POINTS = 10_000
GROUPED = re.compile(r"\d{1,3}(,\d{3})+", re.ASCII)
LARGEST = 2**53 - 1  # what JSON in a browser still holds exactly; far below the 64 bits of the databases


def half_up(numerator: int, denominator: int) -> int:
    """The fraction rounded to an integer, halves away from zero, so that a storno is the exact opposite."""
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return rounded if numerator >= 0 else -rounded


def amount(quantity: int, scale: int, price: int) -> int:
    """Minor units of a quantity (``scale`` digits) at a unit price."""
    return half_up(quantity * price, 10 ** (scale + PRICE - MINOR))


def tax_on(net: int, rate: int) -> int:
    """Tax to add to a net amount."""
    return half_up(net * rate, BASIS_POINTS)


def net_of(gross: int, rate: int) -> int:
    """The net amount within a gross one; the tax is the rest, so that both sum to the price that was agreed."""
    return half_up(gross * BASIS_POINTS, BASIS_POINTS + rate)


def share(total: int, weights: list[int]) -> list[int]:
    """``total`` by weight, by largest remainder: the parts sum to it exactly. Equal remainders go to the first."""
    whole = sum(weights)
    if not whole:
        raise ValueError("the weights sum to nothing")
    parts = [total * weight // whole for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda n: (-(total * weights[n] % whole), n))
    for n in remainders[: total - sum(parts)]:
        parts[n] += 1
    return parts


def whole(field: str, value: object, *, least: int | None = None, most: int = LARGEST) -> int:
    """``value`` as an integer within bounds. :raise Refused: when it is something else, a float or a bool included."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(field, "is not a whole number", "Give an integer of smallest units.", value)
    if least is not None and value < least:
        raise refuse(field, "is too small", "Give at least %(least)s.", value, least=least)
    if abs(value) > most:
        raise refuse(field, "is too large", "Give at most %(most)s.", value, most=most)
    return value


def parse(field: str, text: str, digits: int) -> int:
    """What a person typed (``1,234.50``) as an integer of smallest units. :raise Refused: with the remedy."""
    plain = text.strip().replace(" ", "")
    sign = -1 if plain.startswith("-") else 1
    before, _, after = (plain[1:] if plain[:1] in ("+", "-") else plain).partition(".")
    if GROUPED.fullmatch(before):  # ``1,5`` is no 15
        before = before.replace(",", "")
    if not (before + after).isdecimal() or not (before + after).isascii():
        raise refuse(field, "is not a number", "Give digits with one decimal point.", text)
    if len(after.rstrip("0")) > digits:
        raise refuse(field, "has too many decimals", "Give at most %(digits)s decimals.", text, digits=digits)
    return whole(field, sign * int((before or "0") + after[:digits].ljust(digits, "0")))


def show(value: int, digits: int) -> str:
    """Smallest units as a plain decimal number, the opposite of ``parse``."""
    text = str(abs(value)).rjust(digits + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else sign + text
