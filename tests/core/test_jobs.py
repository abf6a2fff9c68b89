"""What becomes of a job by what came of a try."""

import pytest

from gateway.core.errors import (
    AnswerGone,
    BadRequest,
    BooksAway,
    CallUnsure,
    GatewayBusy,
    GatewayError,
    InternalError,
    NoPicture,
    OverBudget,
    TooFast,
    UpstreamBusy,
    UpstreamCut,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamSilent,
)
from gateway.core.jobs import LONGEST_S, State, Tried, again_s, came_to


def after(error: GatewayError, retry_after_s: int) -> GatewayError:
    error.retry_after_s = retry_after_s
    return error


ENDS = [
    (None, State.SUCCEEDED),
    (NoPicture("", code="moderation_blocked"), State.BLOCKED),
    (NoPicture("", code="no_image_generated"), State.FAILED),
    (CallUnsure(""), State.UNSETTLED),
    (UpstreamSilent(""), State.UNSETTLED),
    (UpstreamRejected("", status=400), State.FAILED),
    (UpstreamCut(""), State.FAILED),
    (AnswerGone(""), State.FAILED),
    (BadRequest(""), State.FAILED),
    (OverBudget(""), State.FAILED),
    (InternalError(""), State.FAILED),
]


@pytest.mark.parametrize(("error", "state"), ENDS, ids=[type(row[0]).__name__ for row in ENDS])
def test_what_ends_a_job(error: GatewayError | None, state: State) -> None:
    tried = Tried(error.status if error else 200, error)
    assert again_s(tried, 1, 0.0) is None
    assert came_to(tried) is state
    assert state.final


GOES_ON = [
    (TooFast(""), 1, 1.0),
    (after(TooFast(""), 17), 1, 17.0),
    (after(TooFast(""), 600), 1, 60.0),
    (GatewayBusy(""), 1, 5.0),
    (BooksAway(""), 1, 5.0),
    (UpstreamBusy(""), 1, 15.0),
    (UpstreamFailed(""), 1, 5.0),
    (UpstreamFailed(""), 5, 16.0),
    (UpstreamFailed(""), 500, 60.0),
]


@pytest.mark.parametrize(("error", "tries", "wait_s"), GOES_ON)
def test_what_is_asked_again(error: GatewayError, tries: int, wait_s: float) -> None:
    assert again_s(Tried(error.status, error), tries, 0.0) == wait_s


def test_it_is_given_up_in_the_end() -> None:
    busy = Tried(503, GatewayBusy(""))
    assert again_s(busy, 1, LONGEST_S - 6) == 5.0
    assert again_s(busy, 1, LONGEST_S - 4) is None
    assert came_to(busy) is State.FAILED


@pytest.mark.parametrize("state", State)
def test_two_states_are_not_final(state: State) -> None:
    assert state.final == (state not in (State.QUEUED, State.RUNNING))
