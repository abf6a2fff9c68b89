"""The seller's side of the books: what every answer cost, whoever read it.

The seller works synchronously, so a caller who hangs up has paid all the same; the row then says
that nothing was delivered. Priced apart from the gateway, from its own table, in exact fractions.
"""

from dataclasses import asdict, dataclass, replace
from fractions import Fraction

from gateway.sim.tables import Price

# What a key's billing setting charges by, in order of preference.
BILLING = {
    "pay-as-you-go": ("tokens",),
    "pay-as-you-go-priority": ("tokens", "call"),
    "pay-per-request": ("call",),
    "pay-per-request-priority": ("call", "tokens"),
}


@dataclass(frozen=True, slots=True)
class SimKey:
    """What the seller knows of a key. A multiplier means what is written: 1.4 is 14/10."""

    group: str
    multiplier: float = 1.0
    billing: str = "pay-as-you-go-priority"

    def __post_init__(self) -> None:
        if self.billing not in BILLING:
            raise ValueError(f"billing is one of {', '.join(BILLING)}; not {self.billing}")

    def basis(self, price: Price) -> str | None:
        """Whether a model is charged by tokens or by the call; None: this key cannot buy it."""
        sold = {"call": True, "tokens": price.output_token is not None}
        return next((each for each in BILLING[self.billing] if sold[each]), None)


@dataclass(frozen=True, slots=True)
class Row:
    """One answer on the bill."""

    id: str
    at: float
    wait_s: float  # that the seller took over it
    group: str
    model: str
    size: str
    ratio: str
    basis: str
    nanos: int
    input_tokens: int
    output_tokens: int
    pictures: int
    delivered: bool
    status: int
    fault: str | None


def nanos(price: Price, key: SimKey, *, input_tokens: int, output_tokens: int) -> int:
    """The price of one answer in whole nano-dollars; a fraction is rounded up once, at the end."""
    base = price.call
    if key.basis(price) == "tokens":
        assert price.input_token is not None
        assert price.output_token is not None
        base = price.input_token * input_tokens + price.output_token * output_tokens
    exact = base * Fraction(str(key.multiplier))
    return -(-exact.numerator // exact.denominator)


class Bill:
    """The rows, in the order the answers were made."""

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row) -> int:
        """Puts an answer on the bill; the number is for `undelivered`."""
        self._made += 1
        self._rows[self._made] = row
        return self._made

    def undelivered(self, number: int) -> None:
        """The caller hung up while being answered; the price stands."""
        if number in self._rows:
            self._rows[number] = replace(self._rows[number], delivered=False)

    def clear(self) -> None:
        self._rows.clear()

    @property
    def total_nanos(self) -> int:
        return sum(row.nanos for row in self._rows.values())

    def as_json(self) -> dict[str, object]:
        return {"rows": [asdict(row) for row in self._rows.values()], "total_nanos": str(self.total_nanos)}
