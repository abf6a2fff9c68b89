"""Money is whole nano-dollars.

One nano-dollar is 1e-9 USD, an `int` everywhere. Prices are exact fractions of it; whatever is
charged is rounded up once, at the end. No float ever enters.
"""

from decimal import Decimal, InvalidOperation
from fractions import Fraction

NANOS_PER_USD = 1_000_000_000

# Lua compares numbers as doubles, exact to 2**53; above this a store could not tell two amounts apart.
LARGEST_NANOS = 9_000_000_000_000_000


def decimal_of(text: str | int | Decimal) -> Decimal:
    """The exact decimal written in `text`; raises `ValueError` for anything that is not one."""
    try:
        value = Decimal(str(text).strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount; write it like 0.055") from None
    if not value.is_finite():
        raise ValueError(f"{text!r} is not an amount; write it like 0.055")
    return value


def nanos_of(usd: str | int | Decimal) -> int:
    """Dollars as whole nano-dollars; raises `ValueError` for more than nine decimals, a sign, or too much."""
    scaled = decimal_of(usd) * NANOS_PER_USD
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{usd} has more than nine decimals; a nano-dollar is the smallest amount")
    if scaled < 0:
        raise ValueError(f"{usd} is negative")
    if scaled > LARGEST_NANOS:
        raise ValueError(f"{usd} is above the largest amount the books can hold, 9000000 USD")
    return int(scaled)


def signed_nanos_of(usd: str | int | Decimal) -> int:
    """The same of an amount that may be negative."""
    exact = decimal_of(usd)
    return -nanos_of(-exact) if exact < 0 else nanos_of(exact)


def usd_of(nanos: int) -> str:
    """Nano-dollars as a plain decimal string of dollars: 55000000 -> "0.055", 0 -> "0"."""
    whole, part = divmod(abs(nanos), NANOS_PER_USD)
    sign = "-" if nanos < 0 else ""
    decimals = f"{part:09d}".rstrip("0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def ceil_nanos(exact: Fraction | int) -> int:
    """The amount charged for an exact price: a fraction of a nano-dollar is rounded up."""
    return rounded_up(exact.numerator, exact.denominator)


def rounded_up(numerator: int, denominator: int) -> int:
    """The same of a fraction that was never made one."""
    return -(-numerator // denominator)
