"""Dialogues: news in, lanes tried out."""

from fractions import Fraction

import pytest

from gateway.core.failover import Answers, Ended, LaneView, Late, News, Plan, Quoted, Start, Wait, failover, make_plan
from gateway.core.groups import Billing, Group, Lane
from gateway.core.health import HealthBoard, Patience
from gateway.core.keys import Limits
from gateway.core.outcome import Outcome, Verdict, of_status, outcome
from tests.facts import DEFAULT, ENTERPRISE, PRO, ask, key, lane

CHEAP, SPARE, DEAR = lane(DEFAULT, "default-1"), lane(DEFAULT, "default-2"), lane(ENTERPRISE, "enterprise")

BUSY = of_status(429, "saturated")
BROKEN = of_status(500, "boom")
WRONG = of_status(400, "bad ratio")
UNSIGNED = of_status(400, "Image part is missing a thought_signature in content position 2, part position 1.")
REFUSED_KEY = of_status(401, "invalid token")
NO_CONNECTION = outcome(Verdict.UNREACHABLE)
LOST = outcome(Verdict.LOST)


def plan(*lanes: Lane) -> Plan:
    return Plan(tuple(Quoted(each, 1) for each in lanes))


def play(plan: Plan, *told: object, rewritable: bool = False) -> tuple[list[str], Outcome | None]:
    """Tells one piece of news at each wait (an Outcome ends the lane tried last); gives what was tried, and the end."""
    steps = failover(plan, patience_s=20.0, rewritable=rewritable)
    tried: list[Start] = []
    waiting = list(told)
    news: News = None
    while True:
        try:
            step = steps.send(news)
        except StopIteration as end:
            assert not waiting, f"never asked for {waiting}"
            return [f"{each.lane.name}{' plain' if each.plain else ''}" for each in tried], end.value
        match step:
            case Start():
                tried.append(step)
                news = None
            case Wait():
                next_news = waiting.pop(0)
                news = Ended(tried[-1].lane, next_news) if isinstance(next_news, Outcome) else next_news  # type: ignore[assignment]


FOUR = (CHEAP, SPARE, DEAR, lane(name="x"))

DIALOGUES = [
    ("the first answer wins", (CHEAP, DEAR), (Answers(),), ["default-1"], None),
    ("a saturated group is left", (CHEAP, DEAR), (BUSY, Answers()), ["default-1", "enterprise"], None),
    ("a broken group is left", (CHEAP, DEAR), (BROKEN, Answers()), ["default-1", "enterprise"], None),
    ("an unreachable address is left", (CHEAP, DEAR), (NO_CONNECTION, Answers()), ["default-1", "enterprise"], None),
    ("a lost connection is left", (CHEAP, DEAR), (LOST, Answers()), ["default-1", "enterprise"], None),
    ("a group's fault puts its lanes last", (CHEAP, SPARE, DEAR), (BUSY, Answers()), ["default-1", "enterprise"], None),
    ("a key's fault does not", (CHEAP, SPARE, DEAR), (REFUSED_KEY, Answers()), ["default-1", "default-2"], None),
    ("with one group its other lane is tried", (CHEAP, SPARE), (BROKEN, Answers()), ["default-1", "default-2"], None),
    ("a wrong request is tried once", (CHEAP, DEAR), (WRONG,), ["default-1"], WRONG),
    ("all failed: the passing trouble is told", (CHEAP, DEAR), (BROKEN, BUSY), ["default-1", "enterprise"], BUSY),
    ("a stuck attempt is raced", (CHEAP, DEAR), (Late(), Answers()), ["default-1", "enterprise"], None),
    ("no more than three are tried", FOUR, (BUSY,) * 3, ["default-1", "enterprise", "default-2"], BUSY),
    ("no lane, no attempt", (), (), [], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lanes", "told", "tried", "end"), [row[1:] for row in DIALOGUES], ids=[r[0] for r in DIALOGUES]
)
def test_what_is_tried_follows_from_the_news(
    lanes: tuple[Lane, ...], told: tuple[object, ...], tried: list[str], end: Outcome | None
) -> None:
    assert play(plan(*lanes), *told) == (tried, end)


ONE, PLAIN, OTHER_PLAIN = "default-1", "default-1 plain", "enterprise plain"

SIGNATURES = [
    ("a request that may be rewritten is tried again, plain", (UNSIGNED, Answers()), [ONE, PLAIN], None),
    ("once plain it stays so", (UNSIGNED, BUSY, Answers()), [ONE, PLAIN, OTHER_PLAIN], None),
    ("the refusal is not one of three", (UNSIGNED, BROKEN, BROKEN), [ONE, PLAIN, OTHER_PLAIN], BROKEN),
    ("after a failing group too", (BUSY, UNSIGNED, Answers()), [ONE, "enterprise", OTHER_PLAIN], None),
    ("plain and refused all the same", (UNSIGNED, UNSIGNED), [ONE, PLAIN], UNSIGNED),
    ("another failure is told before it", (UNSIGNED, WRONG), [ONE, PLAIN], WRONG),
]  # fmt: skip


@pytest.mark.parametrize(("told", "tried", "end"), [row[1:] for row in SIGNATURES], ids=[row[0] for row in SIGNATURES])
def test_signatures_that_are_not_taken_cost_a_second_try(
    told: tuple[object, ...], tried: list[str], end: Outcome | None
) -> None:
    assert play(plan(CHEAP, DEAR), *told, rewritable=True) == (tried, end)


def test_a_callers_own_body_is_not_rewritten() -> None:
    assert play(plan(CHEAP, DEAR), UNSIGNED) == (["default-1"], UNSIGNED)


def test_two_that_race_are_refused_and_tried_again_once() -> None:
    steps = failover(plan(CHEAP, DEAR), patience_s=20.0, rewritable=True)
    assert steps.send(None) == Start(CHEAP)
    assert steps.send(None) == Wait(20.0)
    assert steps.send(Late()) == Start(DEAR)
    assert steps.send(None) == Wait(None)
    assert steps.send(Ended(CHEAP, UNSIGNED)) == Start(CHEAP, plain=True)
    assert steps.send(None) == Wait(None)
    assert steps.send(Ended(DEAR, UNSIGNED)) == Wait(None), "the plain one is on its way"
    with pytest.raises(StopIteration):
        steps.send(Answers())


def test_a_raced_attempt_may_still_fail_while_the_other_runs() -> None:
    steps = failover(plan(CHEAP, DEAR), patience_s=20.0, rewritable=False)
    assert steps.send(None) == Start(CHEAP)
    assert steps.send(None) == Wait(20.0)
    assert steps.send(Late()) == Start(DEAR)
    assert steps.send(None) == Wait(None)
    assert steps.send(Ended(DEAR, BUSY)) == Wait(None)
    with pytest.raises(StopIteration) as end:
        steps.send(Answers())
    assert end.value.value is None


def test_a_wrong_request_ends_the_race_only_when_nothing_runs() -> None:
    steps = failover(plan(CHEAP, DEAR), patience_s=20.0, rewritable=False)
    for news in (None, None, Late(), None):
        steps.send(news)
    assert steps.send(Ended(DEAR, WRONG)) == Wait(None)
    with pytest.raises(StopIteration) as end:
        steps.send(Ended(CHEAP, BUSY))
    assert end.value.value == WRONG


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


def test_an_open_group_goes_behind_until_its_dwell_is_over() -> None:
    board = HealthBoard(Patience(dwell_s=30.0))
    for _ in range(3):
        board.ended(CHEAP, ask(), BROKEN, was_late=False, now=100.0)
    assert names(make_plan(ask(), key(), views(CHEAP, DEAR), board, now=101.0)) == ["enterprise", "default-1"]
    assert names(make_plan(ask(), key(), views(CHEAP, DEAR), board, now=131.0)) == ["default-1", "enterprise"]


def test_a_third_group_needs_no_code() -> None:
    third = lane(Group("Reverse", Fraction(4, 5)), "reverse")
    assert names(make_plan(ask(), key(), views(third, CHEAP, DEAR), HealthBoard(Patience()), now=0.0)) == [
        "reverse",
        "default-1",
        "enterprise",
    ]
