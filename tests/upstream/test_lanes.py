"""How a lane is sent on, and what is known of it at a moment."""

import pytest

from gateway.core.plan import LaneView
from gateway.upstream.lanes import REFUSED_S, UNREACHABLE_S, Access, Lanes, access
from tests import facts

SECRET = "sk-secret-0123456789"

FORMS = {"bearer": ("authorization", f"Bearer {SECRET}"), "x-goog-api-key": ("x-goog-api-key", SECRET)}


@pytest.mark.parametrize("auth", FORMS)
def test_a_credential_goes_in_the_header_the_upstream_wants(auth: str) -> None:
    given = _access(auth=auth)
    assert (given.header, given.credential) == FORMS[auth]


def test_a_model_goes_by_the_lanes_own_name_for_it_and_else_by_ours() -> None:
    given = _access(names={"flash": "flash-renamed"})
    assert given.url("flash", streams=False) == "http://127.0.0.1:9/v1beta/models/flash-renamed:generateContent"
    assert given.url("pro", streams=True) == "http://127.0.0.1:9/v1beta/models/pro:streamGenerateContent?alt=sse"


def test_nothing_that_is_printed_shows_a_credential() -> None:
    lanes = Lanes([_access()])
    (state,) = lanes
    for each in (lanes, state, state.access, [state.access], {"access": state.access}):
        assert SECRET not in repr(each)
        assert SECRET not in f"{each}"
    assert repr(state) == "<LaneState default 0 in flight>"
    assert repr(state.access) == "<Access default>"


def test_a_refused_credential_is_not_usable_for_a_while() -> None:
    (state,) = Lanes([_access()])
    assert state.usable(100.0)
    state.refuse(100.0)
    assert not state.usable(100.0 + REFUSED_S - 1)
    assert state.usable(100.0 + REFUSED_S)


def test_an_address_that_cannot_be_reached_is_left_for_a_shorter_while() -> None:
    (state,) = Lanes([_access()])
    state.unreachable(100.0)
    assert not state.usable(100.0 + UNREACHABLE_S - 1)
    assert state.usable(100.0 + UNREACHABLE_S)
    state.refuse(200.0)
    state.unreachable(200.0)
    assert not state.usable(200.0 + REFUSED_S - 1), "a refused credential is not forgotten for it"


def test_lanes_are_seen_in_their_order() -> None:
    second = access(facts.lane(facts.ENTERPRISE), "sk-another-0123456789", auth="bearer", names={})
    lanes = Lanes([_access(), second])
    lanes.refused(second.lane, 0.0)
    assert lanes.views(1.0) == [LaneView(facts.lane(), usable=True), LaneView(second.lane, usable=False)]


def test_a_refused_credential_is_out_on_every_address_it_is_sent_to() -> None:
    there = access(facts.lane(name="there"), SECRET, auth="bearer", names={})
    lanes = Lanes([_access(), there])
    lanes.refused(there.lane, 0.0)
    assert [view.usable for view in lanes.views(1.0)] == [False, False]


def _access(*, auth: str = "bearer", names: dict[str, str] | None = None) -> Access:
    return access(facts.lane(), SECRET, auth=auth, names=names or {})
