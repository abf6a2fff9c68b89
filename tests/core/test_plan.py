"""Which lanes a call may take: groups in their order, unless health puts one behind."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from gateway.core.board import HealthBoard, Tried
from gateway.core.groups import Billing, Group, Lane
from gateway.core.health import Patience
from gateway.core.keys import Key, Limits, Mode
from gateway.core.move import Standing
from gateway.core.outcome import Reply, of_reply, of_status
from gateway.core.plan import LaneView, Plan, make_plan, ways
from tests.facts import DEFAULT, ENTERPRISE, PRO, ask, key, lane

CHEAP, SPARE, DEAR = lane(DEFAULT, "default-1"), lane(DEFAULT, "default-2"), lane(ENTERPRISE, "enterprise")

BROKEN = of_status(500, "boom")
PICTURE = of_reply(Reply(usage=None, pictures=1))


def views(*lanes: Lane) -> list[LaneView]:
    return [LaneView(each, usable=True) for each in lanes]


def names(plan: Plan) -> list[str]:
    return [each.lane.name for each in plan.lanes]


def test_groups_are_tried_in_their_order_and_the_hold_covers_the_dearest() -> None:
    made = make_plan(ask(PRO), key(), views(CHEAP, DEAR), HealthBoard(Patience()), now=0.0)
    assert names(made) == ["default-1", "enterprise"]
    assert made.ceiling_nanos == 126_000_000


def test_a_key_that_may_not_pay_more_never_meets_the_dear_group() -> None:
    thrifty = key(Limits(max_multiplier=Fraction(1)))
    assert names(make_plan(ask(), thrifty, views(CHEAP, DEAR), HealthBoard(Patience()), now=0.0)) == ["default-1"]


BY_CALL = lane(DEFAULT, "by-call", Billing.PAY_PER_REQUEST)

CHEAPER = [
    ("512", None, "default-1"),
    ("1K", None, "default-1"),
    ("1K", "high", "default-1"),
    ("2K", None, "default-1"),
    ("2K", "high", "by-call"),
    ("4K", None, "by-call"),
    ("4K", "high", "by-call"),
]


@pytest.mark.parametrize(("size", "thinking", "first"), CHEAPER)
def test_of_lanes_that_are_billed_by_the_token_and_by_the_call_the_cheaper_for_this_ask_goes_first(
    size: str, thinking: str | None, first: str
) -> None:
    asked = ask(size=size, thinking=thinking)
    for order in ((CHEAP, BY_CALL), (BY_CALL, CHEAP)):
        made = make_plan(asked, key(), views(*order, DEAR), HealthBoard(Patience()), now=0.0)
        assert names(made)[0] == first
        assert names(made)[2] == "enterprise"


def test_what_is_reported_decides_which_lane_is_the_cheaper() -> None:
    board, asked = HealthBoard(Patience()), ask(size="4K")
    for _ in range(20):
        board.consumption.used(asked, 2900)
    assert names(make_plan(asked, key(), views(BY_CALL, CHEAP), board, now=0.0)) == ["default-1", "by-call"]


def test_lanes_of_one_price_keep_the_order_they_are_configured_in() -> None:
    third = lane(DEFAULT, "a-third")
    made = make_plan(ask(), key(), views(SPARE, third, CHEAP), HealthBoard(Patience()), now=0.0)
    assert names(made) == ["default-2", "a-third", "default-1"]


def test_a_lane_that_does_not_sell_the_model_is_no_lane() -> None:
    tokens_only = lane(DEFAULT, "tokens", Billing.PAY_AS_YOU_GO)
    assert names(make_plan(ask(PRO), key(), views(tokens_only, DEAR), HealthBoard(Patience()), now=0.0)) == [
        "enterprise"
    ]


def test_a_refused_credential_goes_last() -> None:
    board = HealthBoard(Patience())
    standing = [LaneView(CHEAP, usable=False), LaneView(SPARE, usable=True), LaneView(DEAR, usable=True)]
    assert names(make_plan(ask(), key(), standing, board, now=0.0)) == ["default-2", "enterprise", "default-1"]


def opened(now: float = 100.0) -> HealthBoard:
    """A board on which the cheap group is open, for 30 seconds."""
    board = HealthBoard(Patience(dwell_s=30.0))
    for _ in range(6):
        board.ended(object(), tried(board), BROKEN, took_s=1.0, was_late=False, now=now)
    assert board.of(DEFAULT, "flash").standing(now) is Standing.OPEN
    return board


def tried(board: HealthBoard) -> Tried:
    return Tried(DEFAULT, ask(), board.of(DEFAULT, "flash").epoch, began_at=0.0)


def planned(board: HealthBoard, now: float, *, size: str = "1K") -> Plan:
    return make_plan(ask(size=size), key(), views(CHEAP, DEAR), board, now=now)


def test_an_open_group_goes_behind_until_its_dwell_is_over() -> None:
    board = opened()
    assert names(planned(board, 101.0)) == ["enterprise", "default-1"]
    asks = planned(board, 131.0)
    assert (names(asks), asks.probes) == (["default-1", "enterprise"], True)


def test_one_call_asks_and_the_others_wait_for_what_it_finds() -> None:
    board = opened()
    assert planned(board, 131.0).probes
    assert names(planned(board, 131.5)) == ["enterprise", "default-1"]
    assert names(planned(board, 150.0)) == ["enterprise", "default-1"], "as long as it is on its way"
    board.ended(object(), tried(board), PICTURE, took_s=8.0, was_late=False, now=150.0)
    assert planned(board, 150.5).probes


def test_the_smaller_sizes_ask_first() -> None:
    board = opened()
    assert not planned(board, 131.0, size="4K").probes
    assert not planned(board, 134.0, size="2K").probes
    assert planned(board, 136.0, size="2K").probes
    assert planned(opened(), 141.0, size="4K").probes, "where no smaller one comes, it will do"


THRIFTY = key(Limits(max_multiplier=Fraction(1)))

STOPPED = [
    (THRIFTY, 101.0, [], 29.0),
    (THRIFTY, 129.0, [], 5.0),
    (key(Limits(groups=frozenset({"Default"}))), 101.0, [], 29.0),
    (key(Limits(max_multiplier=Fraction(1), failover=Mode.OFF)), 101.0, ["default-1"], None),
    (key(), 101.0, ["enterprise", "default-1"], None),
]


@pytest.mark.parametrize(("whose", "now", "lanes", "again_s"), STOPPED)
def test_a_call_whose_groups_have_stopped_while_a_dearer_one_serves_is_not_sent_there(
    whose: Key, now: float, lanes: list[str], again_s: float | None
) -> None:
    made = make_plan(ask(), whose, views(CHEAP, DEAR), opened(), now=now)
    assert (names(made), made.again_s) == (lanes, again_s)


def test_one_of_them_asks_when_the_dwell_is_over() -> None:
    board = opened()
    asks = make_plan(ask(), THRIFTY, views(CHEAP, DEAR), board, now=131.0)
    assert (names(asks), asks.probes, asks.again_s) == (["default-1"], True, None)
    assert make_plan(ask(), THRIFTY, views(CHEAP, DEAR), board, now=132.0).again_s == 5.0


def test_they_go_there_all_the_same_where_it_is_slow_or_where_nothing_else_serves() -> None:
    assert names(make_plan(ask(), THRIFTY, views(CHEAP, DEAR), slowed(), now=103.0)) == ["default-1"]
    assert names(make_plan(ask(), THRIFTY, views(CHEAP), opened(), now=101.0)) == ["default-1"]
    unusable = [LaneView(CHEAP, usable=True), LaneView(DEAR, usable=False)]
    assert names(make_plan(ask(), THRIFTY, unusable, opened(), now=101.0)) == ["default-1"]
    both = opened()
    for _ in range(6):
        ill = Tried(ENTERPRISE, ask(), both.of(ENTERPRISE, "flash").epoch, began_at=0.0)
        both.ended(object(), ill, BROKEN, took_s=1.0, was_late=False, now=100.0)
    assert names(make_plan(ask(), THRIFTY, views(CHEAP, DEAR), both, now=101.0)) == ["default-1"]


def slowed() -> HealthBoard:
    """A board on which the cheap group is open because its pictures, though they come, are late."""
    board = opened()
    for _ in range(4):
        board.late(tried(board), 101.0)
        board.ended(object(), tried(board), PICTURE, took_s=50.0, was_late=True, now=102.0)
    return board


MODES = [
    (Mode.AUTO, opened, ["enterprise", "default-1", "default-2"]),
    (Mode.AUTO, slowed, ["enterprise", "default-1", "default-2"]),
    (Mode.HANG_ONLY, opened, ["enterprise", "default-1", "default-2"]),
    (Mode.HANG_ONLY, slowed, ["default-1", "default-2", "enterprise"]),
    (Mode.OFF, opened, ["default-1", "default-2"]),
    (Mode.OFF, slowed, ["default-1", "default-2"]),
]


@pytest.mark.parametrize(("mode", "board", "order"), MODES)
def test_what_a_key_pays_more_for_is_its_own_choice(
    mode: Mode, board: Callable[[], HealthBoard], order: list[str]
) -> None:
    choosy = key(Limits(failover=mode))
    assert names(make_plan(ask(), choosy, views(CHEAP, SPARE, DEAR), board(), now=103.0)) == order


def test_without_failover_the_first_group_that_is_allowed_is_the_only_one() -> None:
    choosy = key(Limits(failover=Mode.OFF, groups=frozenset({"NanoBananaEnterprise"})))
    assert names(make_plan(ask(), choosy, views(CHEAP, DEAR), HealthBoard(Patience()), now=0.0)) == ["enterprise"]


def test_where_there_is_no_other_group_an_open_one_is_tried() -> None:
    made = make_plan(ask(), key(), views(CHEAP, SPARE), opened(), now=101.0)
    assert (names(made), made.probes) == (["default-1", "default-2"], False)


def test_coming_back_takes_a_growing_share() -> None:
    board = opened()
    now = 131.0
    for _ in range(5):
        while not planned(board, now).probes:
            now += 1.0
            assert now < 1000.0
        board.ended(object(), tried(board), PICTURE, took_s=8.0, was_late=False, now=now)
    shares = []
    for _ in range(4):
        shares.append(sum(names(planned(board, now))[0] == "default-1" for _ in range(100)))
        now += 15.0
    assert shares == [10, 25, 50, 100]


def test_a_third_group_needs_no_code() -> None:
    third = lane(Group("Reverse", Fraction(4, 5)), "reverse")
    assert names(make_plan(ask(), key(), views(third, CHEAP, DEAR), HealthBoard(Patience()), now=0.0)) == [
        "reverse",
        "default-1",
        "enterprise",
    ]


def test_the_ways_of_a_call_are_its_groups_and_whether_each_is_well() -> None:
    board = opened()
    both = views(CHEAP, SPARE, DEAR)
    assert ways(ask(), key(), both, board, now=101.0) == {"Default": False, "NanoBananaEnterprise": True}
    assert ways(ask(), key(Limits(groups=frozenset({"Default"}))), both, board, now=101.0) == {"Default": False}
    refused = [LaneView(CHEAP, usable=False), LaneView(SPARE, usable=True), LaneView(DEAR, usable=False)]
    fresh = HealthBoard(Patience())
    assert ways(ask(), key(), refused, fresh, now=0.0) == {"Default": True, "NanoBananaEnterprise": False}
    assert ways(ask(PRO), key(), views(lane(DEFAULT, "tokens", Billing.PAY_AS_YOU_GO)), fresh, now=0.0) == {}
