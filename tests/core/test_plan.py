"""Which lanes a call may take: groups in their order, unless health puts one behind."""

from fractions import Fraction

from gateway.core.board import HealthBoard, Tried
from gateway.core.groups import Billing, Group, Lane
from gateway.core.health import Patience, Standing
from gateway.core.keys import Limits
from gateway.core.outcome import Reply, of_reply, of_status
from gateway.core.plan import LaneView, Plan, make_plan, ways
from tests.facts import DEFAULT, ENTERPRISE, PRO, ask, key, lane

CHEAP, SPARE, DEAR = lane(DEFAULT, "default-1"), lane(DEFAULT, "default-2"), lane(ENTERPRISE, "enterprise")

BROKEN = of_status(500, "boom")
PICTURE = of_reply(Reply(usage=None, pictures=1))


def views(*lanes: Lane, in_flight: int = 0) -> list[LaneView]:
    return [LaneView(each, in_flight, usable=True) for each in lanes]


def names(plan: Plan) -> list[str]:
    return [each.lane.name for each in plan.lanes]


def test_groups_are_tried_in_their_order_and_the_hold_covers_the_dearest() -> None:
    made = make_plan(ask(PRO), key(), views(CHEAP, DEAR), HealthBoard(Patience()), now=0.0)
    assert names(made) == ["default-1", "enterprise"]
    assert made.ceiling_nanos == 126_000_000


def test_a_key_that_may_not_pay_more_never_meets_the_dear_group() -> None:
    thrifty = key(Limits(max_multiplier=Fraction(1)))
    assert names(make_plan(ask(), thrifty, views(CHEAP, DEAR), HealthBoard(Patience()), now=0.0)) == ["default-1"]


def test_within_a_group_the_cheaper_lane_for_this_size_goes_first() -> None:
    by_call = lane(DEFAULT, "by-call", Billing.PAY_PER_REQUEST)
    made = make_plan(ask(size="1K"), key(), views(CHEAP, by_call), HealthBoard(Patience()), now=0.0)
    assert names(made) == ["by-call", "default-1"]


def test_a_lane_that_does_not_sell_the_model_is_no_lane() -> None:
    tokens_only = lane(DEFAULT, "tokens", Billing.PAY_AS_YOU_GO)
    assert names(make_plan(ask(PRO), key(), views(tokens_only, DEAR), HealthBoard(Patience()), now=0.0)) == [
        "enterprise"
    ]


def test_a_refused_credential_goes_last() -> None:
    board = HealthBoard(Patience())
    standing = [LaneView(CHEAP, 0, usable=False), LaneView(SPARE, 5, usable=True), LaneView(DEAR, 0, usable=True)]
    assert names(make_plan(ask(), key(), standing, board, now=0.0)) == ["default-2", "enterprise", "default-1"]


def opened(now: float = 100.0) -> HealthBoard:
    """A board on which the cheap group is open, for 30 seconds."""
    board = HealthBoard(Patience(dwell_s=30.0))
    for _ in range(6):
        board.ended(object(), tried(board), BROKEN, took_s=1.0, was_late=False, now=now)
    assert board.of(DEFAULT, "flash").standing(now) is Standing.OPEN
    return board


def tried(board: HealthBoard) -> Tried:
    return Tried(DEFAULT, ask(), board.of(DEFAULT, "flash").epoch)


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
    refused = [LaneView(CHEAP, 0, usable=False), LaneView(SPARE, 0, usable=True), LaneView(DEAR, 0, usable=False)]
    fresh = HealthBoard(Patience())
    assert ways(ask(), key(), refused, fresh, now=0.0) == {"Default": True, "NanoBananaEnterprise": False}
    assert ways(ask(PRO), key(), views(lane(DEFAULT, "tokens", Billing.PAY_AS_YOU_GO)), fresh, now=0.0) == {}
