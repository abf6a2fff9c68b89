"""Jobs: requests that are drawn without anybody waiting, and whose answers wait for whoever asks for them.

A job is asked as any other call, again and again where an answer costs nothing and may be another next time, under an
Idempotency-Key of its own: so whoever goes on with it, after a crash too, joins what was sent or has what came of it.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.errors import CallUnsure, GatewayError, NoPicture
from gateway.core.webhooks import Webhook

# A request that finds no way to be drawn is given up after so long.
LONGEST_S = 3600.0

# So long a job and its answer are known.
KEPT_S = 24 * 3600.0

_LEAST_AGAIN_S, _MOST_AGAIN_S = 1.0, 60.0


class State(StrEnum):
    QUEUED = "queued"  # it is tried again when there is room for it
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BLOCKED = "blocked"  # the model refused to draw it
    UNSETTLED = "unsettled"  # it was sent, and nobody knows what came of it or whether it was billed

    @property
    def final(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """`asked` is the fingerprint of its request. `call_id` is the call that it has become, None: none yet; `status` and
    `code` are of its answer. `pictures` is how many it wants, each of them a call of its own.

    `at` are seconds since 1970: when it was made, begun and ended. `tries` counts how often it was asked. `webhook` is
    who hears of its end, None: nobody.
    """

    id: str
    team: str
    key_id: str
    state: State
    route: str
    model: str
    asked: str
    pictures: int
    made_at: float
    begun_at: float | None = None
    ended_at: float | None = None
    call_id: str | None = None
    status: int | None = None
    code: str | None = None
    tries: int = 0
    webhook: Webhook | None = None

    @property
    def calls(self) -> list[str]:
        """The ids of its calls in the books."""
        if self.call_id is None:
            return []
        several = [f"{self.call_id}.{number + 1}" for number in range(self.pictures)]
        return several if self.pictures > 1 else [self.call_id]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one try: its status, and the error that was told, None: an answer."""

    status: int
    error: GatewayError | None


def came_to(tried: Tried) -> State:
    """The state of a job that this ends."""
    error = tried.error
    if error is None:
        return State.SUCCEEDED
    if isinstance(error, NoPicture):
        return State.BLOCKED if error.code == "moderation_blocked" else State.FAILED
    if isinstance(error, CallUnsure) or error.billed == "unknown":
        return State.UNSETTLED
    return State.FAILED


def again_s(tried: Tried, tries: int, age_s: float) -> float | None:
    """In how many seconds it is asked once more; None: this is its end.

    What cost nothing and may succeed is asked for again: seldomer each time, and as the answer says.
    """
    error = tried.error
    if error is None or error.billed != "no" or not error.should_retry:
        return None
    asked_s = float(error.retry_after_s or 0)
    wait_s = min(_MOST_AGAIN_S, max(_LEAST_AGAIN_S, asked_s, math.ldexp(_LEAST_AGAIN_S, min(tries, 10) - 1)))
    return None if age_s + wait_s > LONGEST_S else wait_s
