"""The head of an answer, as far as it is about how the answer came to be and what it costs."""

from collections.abc import Sequence

from gateway.core.drill import named
from gateway.core.headers import ATTEMPTS, BILLED, COST_USD, DRILL, GROUP, HOLD_USD, LEFT_USD, PARTIAL, SHORTFALL
from gateway.core.money import usd_of
from gateway.relay.journey import Journey


def head_of(journeys: Sequence[Journey], *, failed: int = 0) -> dict[str, str]:
    """What is known of the money when the head is sent: all of it, or only what is held.

    `failed` counts the pictures that were asked for and are not in the answer.
    """
    headers = {ATTEMPTS: str(sum(journey.attempts for journey in journeys))}
    groups = [attempt.lane.group.name for journey in journeys if (attempt := journey.answering) is not None]
    if groups:
        headers |= {GROUP: ", ".join(dict.fromkeys(groups)), BILLED: "yes"}
    else:
        headers[BILLED] = "unknown"
    held, left = sum(journey.hold.nanos for journey in journeys), journeys[0].hold.left_nanos
    if all(journey.settled.is_set() for journey in journeys):
        cost = sum(journey.charge.nanos for journey in journeys if journey.charge)
        headers[COST_USD] = usd_of(cost)
    else:
        cost = held
        headers[HOLD_USD] = usd_of(held)
    if left is not None:
        headers[LEFT_USD] = usd_of(left + held - cost)
    if drilled := named(journeys[0].drills):
        headers[DRILL] = drilled
    if failed:
        headers[PARTIAL] = f"{len(journeys) - failed}/{len(journeys)}"
    short = [each for journey in journeys if (each := journey.shortfall) is not None]
    if short:
        headers[SHORTFALL] = ", ".join(dict.fromkeys(short))
    return headers
