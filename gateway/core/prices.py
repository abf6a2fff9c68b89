"""What a call may cost, and what it did cost.

`quote` is an upper bound, made before anything is sent, and `expected` what it will probably be; `price_of`
is exact, from what the upstream reported. All ask the same question first: is this lane's key billed by
the call or by the token?
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gateway.core.call import Ask
from gateway.core.catalog import Price
from gateway.core.groups import Billing, Lane
from gateway.core.money import rounded_up
from gateway.core.usage import Usage


class Basis(StrEnum):
    """What an amount was computed from."""

    TOKENS = "tokens"
    CALL = "call"
    ESTIMATE = "estimate"  # the upstream reported no usage: the price of a call, marked


# For each billing mode of the seller: what it charges by, in order of preference.
_PREFERENCE: dict[Billing, tuple[Basis, ...]] = {
    Billing.PAY_AS_YOU_GO: (Basis.TOKENS,),
    Billing.PAY_AS_YOU_GO_PRIORITY: (Basis.TOKENS, Basis.CALL),
    Billing.PAY_PER_REQUEST: (Basis.CALL,),
    Billing.PAY_PER_REQUEST_PRIORITY: (Basis.CALL, Basis.TOKENS),
}


@dataclass(frozen=True, slots=True)
class Owed:
    """The price of one reply, in nano-dollars, and what it was computed from."""

    nanos: int
    basis: Basis


def basis(price: Price, billing: Billing) -> Basis | None:
    """What a key of this billing mode is charged by for a model of this price; None: not sold that way."""
    for each in _PREFERENCE[billing]:
        if price.by_tokens if each is Basis.TOKENS else price.call is not None:
            return each
    return None


def quote(ask: Ask, lane: Lane) -> int | None:
    """The most a call may cost on this lane, in nano-dollars; None when the lane does not sell the model."""
    price, multiplier = ask.model.price, lane.group.multiplier
    match basis(price, lane.billing):
        case Basis.CALL:
            return _times(_per_call(price), multiplier)
        case Basis.TOKENS:
            # A reply without usage is charged by the call, so a hold must cover that too.
            by_tokens = _by_tokens(price, _input_ceiling(ask), _output_ceiling(ask), multiplier)
            return max(by_tokens, _times(price.call or 0, multiplier))
        case _:
            return None


def expected(ask: Ask, lane: Lane, output_tokens: int) -> int | None:
    """What a call will cost on this lane if its answer takes so many tokens; None when the lane does not sell it."""
    price, multiplier = ask.model.price, lane.group.multiplier
    match basis(price, lane.billing):
        case Basis.CALL:
            return _times(_per_call(price), multiplier)
        case Basis.TOKENS:
            return _by_tokens(price, _input_ceiling(ask), output_tokens, multiplier)
        case _:
            return None


def saved(ask: Ask, lane: Lane, usage: Usage | None, lanes: Iterable[Lane]) -> int:
    """How much less a reply cost on this lane than it would have on one of its group that is billed otherwise.

    In nano-dollars, below 0 when it cost more; 0 where there is no such lane, or where no usage was reported
    to compare by.
    """
    price = ask.model.price
    by = basis(price, lane.billing)
    others = (each for each in lanes if each.group == lane.group and basis(price, each.billing) not in (by, None))
    other = next(others, None)
    if other is None or usage is None:
        return 0
    return price_of(ask, other, usage).nanos - price_of(ask, lane, usage).nanos


def price_of(ask: Ask, lane: Lane, usage: Usage | None) -> Owed:
    """What one reply from this lane costs, given the usage the upstream reported (None: it reported none).

    Without usage a token-billed reply costs the price of a call, or one picture's tokens where the
    model has no such price, and is marked as an estimate.
    """
    price = ask.model.price
    multiplier = lane.group.multiplier
    by = basis(price, lane.billing)
    if by is Basis.CALL:
        return Owed(_times(_per_call(price), multiplier), by)
    if usage is not None:
        return Owed(_by_tokens(price, usage.input, usage.output, multiplier), Basis.TOKENS)
    if price.call is not None:
        return Owed(_times(price.call, multiplier), Basis.ESTIMATE)
    return Owed(_by_tokens(price, 0, ask.size_facts.image_tokens, multiplier), Basis.ESTIMATE)


def list_nanos(ask: Ask, usage: Usage | None, pictures: int) -> int | None:
    """What a reply with so many pictures costs by the provider's own list, in nano-dollars; None: that is not known.

    Where it was not reported which tokens are pictures', they count as the provider says that their size does.
    """
    price = ask.model.list_price
    drawn = pictures * ask.size_facts.image_tokens
    if price is None or (usage is None and not drawn):
        return None
    if usage is None:
        return _sum((drawn, price.image_token))
    output = usage.output
    images = min(usage.output_images or drawn, output)
    return _sum((usage.input, price.input_token), (output - images, price.text_token), (images, price.image_token))


def _per_call(price: Price) -> int:
    assert price.call is not None
    return price.call


def _times(nanos: int, multiplier: Fraction) -> int:
    return rounded_up(nanos * multiplier.numerator, multiplier.denominator)


def _by_tokens(price: Price, input_tokens: int, output_tokens: int, multiplier: Fraction) -> int:
    into, out = price.input_token, price.output_token
    assert into is not None
    assert out is not None
    return _sum((input_tokens, into), (output_tokens, out), multiplier=multiplier)


def _sum(*counts: tuple[int, Fraction], multiplier: Fraction = Fraction(1)) -> int:
    """So many of each price, rounded up once.

    Over one denominator: a `Fraction` at each step is as exact, and most of what a plan would cost.
    """
    over, under = 0, 1
    for count, price in counts:
        each_over, each_under = price.as_integer_ratio()
        over, under = over * each_under + each_over * count * under, under * each_under
    return rounded_up(over * multiplier.numerator, under * multiplier.denominator)


def _input_ceiling(ask: Ask) -> int:
    """No tokenizer makes more tokens than there are bytes; a reference picture has a known figure."""
    pictures = ask.references + ask.history
    return min(ask.text_bytes + pictures * ask.model.reference_tokens, ask.model.input_tokens)


def _output_ceiling(ask: Ask) -> int:
    facts = ask.size_facts
    thinks = ask.thinks_hard or ask.model.always_thinks
    return facts.thinking_ceiling_tokens if thinks else facts.ceiling_tokens
