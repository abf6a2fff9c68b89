"""Dialogues: news in, lanes tried out."""

from collections.abc import Generator, Iterable
from itertools import permutations
from typing import Any

import pytest

from gateway.core.allowance import Exhausted, Owner, Purpose, Window
from gateway.core.board import HealthBoard
from gateway.core.call import Ask
from gateway.core.failover import failover
from gateway.core.groups import Lane
from gateway.core.health import Patience
from gateway.core.outcome import Outcome, Reply, Verdict, of_reply, of_status, outcome
from gateway.core.plan import Plan, Quoted
from gateway.core.stakes import Stakes
from gateway.core.steps import Answers, Began, Denied, End, Ended, Late, Mark, News, Start, Step, Wait
from gateway.core.watch import Watch
from tests.facts import DEFAULT, ENTERPRISE, ask, lane

CHEAP, SPARE, DEAR = lane(DEFAULT, "default-1"), lane(DEFAULT, "default-2"), lane(ENTERPRISE, "enterprise")

BUSY = of_status(429, "saturated")
BROKEN = of_status(500, "boom")
WRONG = of_status(400, "bad ratio")
UNSIGNED = of_status(400, "Image part is missing a thought_signature in content position 2, part position 1.")
REFUSED_KEY = of_status(401, "invalid token")
NO_CONNECTION = outcome(Verdict.UNREACHABLE)
LOST = outcome(Verdict.LOST)
CUT = outcome(Verdict.CUT)
PICTURE = of_reply(Reply(usage=None, pictures=1))
REFUSAL = of_reply(Reply(usage=None, pictures=0, finish="IMAGE_SAFETY"))

# Said to a dialogue: the newest attempt answers, or it has been waited for as long as there was patience.
ANSWERS, STUCK = "answers", "stuck"


def plan(*lanes: Lane, probes: bool = False) -> Plan:
    return Plan(tuple(Quoted(each, 1) for each in lanes), probes)


FIXED = Patience(suspect_s=20.0)


def watch(patience: Patience = FIXED, *, rewritable: bool = False, **more: Any) -> Watch:
    given = {"board": HealthBoard(patience), "stakes": Stakes(), "ask": ask(), "deadline_at": 360.0, **more}
    return Watch(**given, rewritable=rewritable)


class Dialogue:
    """Plays a call: says news, and notes what was tried and which attempts were marked as late.

    `denials` say of each attempt to be begun what stands against it; those beyond them are begun.
    """

    def __init__(self, steps: Generator[Step, News, End], denials: Iterable[Exhausted | None] = ()) -> None:
        self._steps = steps
        self._denials = list(denials)
        self.now = 0.0
        self.tried: list[Start] = []
        self.marked: list[int] = []
        self.waits_s: float | None = None
        self.end: End | None = None
        self._go_on(None)

    @property
    def names(self) -> list[str]:
        return [f"{each.lane.name}{' plain' if each.plain else ''}" for each in self.tried]

    def hear(self, news: News) -> "Dialogue":
        assert self.end is None, f"it was over before {news}"
        self._go_on(news)
        return self

    def wait(self, seconds: float | None = None) -> "Dialogue":
        """Lets time pass: as long as it would wait, or so many seconds, looking as often as it wants to."""
        until = self.now + (seconds if seconds is not None else self.waits_s or 0.0)
        while self.waits_s is not None and self.end is None and self.now + self.waits_s <= until + 1e-9:
            self.now += self.waits_s
            self._go_on(Late(self.now))
        self.now = max(self.now, until)
        return self

    def _go_on(self, news: News) -> None:
        while True:
            try:
                step = self._steps.send(news)
            except StopIteration as stop:
                self.end = stop.value
                return
            match step:
                case Start():
                    denied = self._denials.pop(0) if self._denials else None
                    if denied is None:
                        self.tried.append(step)
                    news = Began(self.now) if denied is None else Denied(denied)
                case Mark(number):
                    self.marked.append(number)
                    news = None
                case Wait(for_s):
                    self.waits_s = for_s
                    return


def play(
    plan: Plan, *told: Outcome | str, rewritable: bool = False, stays: bool = False
) -> tuple[list[str], Outcome | None]:
    """Says one thing after the other of the newest attempt; gives what was tried, and the failure told at the end."""
    dialogue = Dialogue(failover(plan, watch(rewritable=rewritable, stays=stays)))
    for each in told:
        newest = len(dialogue.tried) - 1
        if isinstance(each, Outcome):
            dialogue.hear(Ended(newest, each))
        elif each == ANSWERS:
            dialogue.hear(Answers(newest))
        else:
            dialogue.wait(20.0)
    assert dialogue.end is not None
    return dialogue.names, dialogue.end.failure


FOUR = (CHEAP, SPARE, DEAR, lane(name="x"))

DIALOGUES = [
    ("the first answer wins", (CHEAP, DEAR), (ANSWERS,), ["default-1"], None),
    ("a saturated group is left", (CHEAP, DEAR), (BUSY, ANSWERS), ["default-1", "enterprise"], None),
    ("a broken group is left", (CHEAP, DEAR), (BROKEN, ANSWERS), ["default-1", "enterprise"], None),
    ("an unreachable address is left", (CHEAP, DEAR), (NO_CONNECTION, ANSWERS), ["default-1", "enterprise"], None),
    ("a lost connection is left", (CHEAP, DEAR), (LOST, ANSWERS), ["default-1", "enterprise"], None),
    ("a group's fault puts its lanes last", (CHEAP, SPARE, DEAR), (BUSY, ANSWERS), ["default-1", "enterprise"], None),
    ("a key's fault does not", (CHEAP, SPARE, DEAR), (REFUSED_KEY, ANSWERS), ["default-1", "default-2"], None),
    ("with one group its other lane is tried", (CHEAP, SPARE), (BROKEN, ANSWERS), ["default-1", "default-2"], None),
    ("a wrong request is tried once", (CHEAP, DEAR), (WRONG,), ["default-1"], WRONG),
    ("all failed: the passing trouble is told", (CHEAP, DEAR), (BROKEN, BUSY), ["default-1", "enterprise"], BUSY),
    ("a stuck attempt is raced", (CHEAP, DEAR), (STUCK, PICTURE), ["default-1", "enterprise"], None),
    ("no more than three are tried", FOUR, (BUSY,) * 3, ["default-1", "enterprise", "default-2"], BUSY),
    ("no lane, no attempt", (), (), [], None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lanes", "told", "tried", "end"), [row[1:] for row in DIALOGUES], ids=[r[0] for r in DIALOGUES]
)
def test_what_is_tried_follows_from_the_news(
    lanes: tuple[Lane, ...], told: tuple[Outcome | str, ...], tried: list[str], end: Outcome | None
) -> None:
    assert play(plan(*lanes), *told) == (tried, end)


NO_PREMIUM = Exhausted(Purpose.PREMIUM, Owner.TEAM, Window.HOUR, 900)
NO_RACES = Exhausted(Purpose.RACES, Owner.INSTALLATION, Window.DAY, 900)


def denied(lanes: tuple[Lane, ...], *denials: Exhausted | None, board: HealthBoard | None = None) -> Dialogue:
    return Dialogue(failover(plan(*lanes), watch(board=board or HealthBoard(FIXED))), denials)


def test_without_means_for_the_dear_group_a_failed_call_says_so() -> None:
    dialogue = denied((CHEAP, DEAR), None, NO_PREMIUM).hear(Ended(0, BUSY))
    assert dialogue.end == End(None, BUSY, NO_PREMIUM)
    assert dialogue.names == ["default-1"]


def test_without_means_for_the_dear_group_the_rest_of_the_cheap_one_is_tried() -> None:
    dialogue = denied((CHEAP, DEAR, SPARE), None, NO_PREMIUM).hear(Ended(0, BUSY))
    assert dialogue.names == ["default-1", "default-2"]
    assert dialogue.hear(Answers(1)).end == End(1)


def test_a_stuck_attempt_that_cannot_be_raced_is_waited_for() -> None:
    dialogue = denied((CHEAP, DEAR), None, NO_PREMIUM).wait(60.0)
    assert (dialogue.names, dialogue.end) == (["default-1"], None)
    assert dialogue.hear(Answers(0)).end == End(0)


def test_a_call_that_would_have_begun_in_the_dear_group_does_not_go_to_one_that_is_ill() -> None:
    assert denied((DEAR, CHEAP), NO_PREMIUM, board=ill(ask(), opened=True)).end == End(None, None, NO_PREMIUM)
    assert denied((DEAR, CHEAP), NO_PREMIUM).names == ["default-1"], "one that is well will do"


def test_a_request_that_is_wrong_is_told_as_wrong_whatever_was_denied() -> None:
    dialogue = denied((CHEAP, DEAR), None, NO_PREMIUM).wait(21.0).hear(Ended(0, WRONG))
    assert dialogue.end == End(None, WRONG)


def test_without_means_for_races_a_failed_call_still_goes_on() -> None:
    dialogue = denied((CHEAP, DEAR), None, NO_RACES).wait(60.0)
    assert dialogue.names == ["default-1"]
    assert dialogue.hear(Ended(0, BUSY)).names == ["default-1", "enterprise"]
    assert dialogue.hear(Answers(1)).end == End(1)


def test_an_attempt_is_begun_with_word_of_those_it_is_beside() -> None:
    dialogue = Dialogue(failover(plan(CHEAP, DEAR), watch())).wait(21.0)
    assert [each.beside for each in dialogue.tried] == [(), (CHEAP,)]


STAYING = [
    ("a free failure moves on within the group", (NO_CONNECTION, ANSWERS), ["default-1", "default-2"], None),
    ("nothing that may be billed is sent again", (LOST,), ["default-1"], LOST),
    ("what is stuck is waited for", (STUCK, STUCK, ANSWERS), ["default-1"], None),
]


@pytest.mark.parametrize(("told", "tried", "end"), [row[1:] for row in STAYING], ids=[row[0] for row in STAYING])
def test_a_call_that_stays_costs_no_second_picture(
    told: tuple[Outcome | str, ...], tried: list[str], end: Outcome | None
) -> None:
    assert play(plan(CHEAP, SPARE), *told, stays=True) == (tried, end)


ONE, PLAIN, OTHER_PLAIN = "default-1", "default-1 plain", "enterprise plain"

SIGNATURES = [
    ("a request that may be rewritten is tried again, plain", (UNSIGNED, ANSWERS), [ONE, PLAIN], None),
    ("once plain it stays so", (UNSIGNED, BUSY, ANSWERS), [ONE, PLAIN, OTHER_PLAIN], None),
    ("the refusal is not one of three", (UNSIGNED, BROKEN, BROKEN), [ONE, PLAIN, OTHER_PLAIN], BROKEN),
    ("after a failing group too", (BUSY, UNSIGNED, ANSWERS), [ONE, "enterprise", OTHER_PLAIN], None),
    ("plain and refused all the same", (UNSIGNED, UNSIGNED), [ONE, PLAIN], UNSIGNED),
    ("another failure is told before it", (UNSIGNED, WRONG), [ONE, PLAIN], WRONG),
]  # fmt: skip


@pytest.mark.parametrize(("told", "tried", "end"), [row[1:] for row in SIGNATURES], ids=[row[0] for row in SIGNATURES])
def test_signatures_that_are_not_taken_cost_a_second_try(
    told: tuple[Outcome | str, ...], tried: list[str], end: Outcome | None
) -> None:
    assert play(plan(CHEAP, DEAR), *told, rewritable=True) == (tried, end)


def test_a_callers_own_body_is_not_rewritten() -> None:
    assert play(plan(CHEAP, DEAR), UNSIGNED) == (["default-1"], UNSIGNED)


def raced(**more: Any) -> Dialogue:
    """A call whose first attempt is stuck, and whose second is on its way."""
    dialogue = Dialogue(failover(plan(CHEAP, DEAR), watch(**more))).wait(20.0)
    assert dialogue.names == ["default-1", "enterprise"]
    assert dialogue.marked == [0]
    return dialogue


def test_two_that_race_are_refused_and_tried_again_once() -> None:
    dialogue = raced(rewritable=True).hear(Ended(0, UNSIGNED))
    assert dialogue.names == ["default-1", "enterprise", "default-1 plain"]
    assert dialogue.hear(Ended(1, UNSIGNED)).end is None, "the plain one is on its way"
    assert dialogue.hear(Answers(2)).end == End(2)


def test_the_first_picture_wins_a_race() -> None:
    assert raced().hear(Answers(1)).hear(Ended(1, PICTURE)).end == End(1)
    assert raced().hear(Answers(0)).hear(Ended(0, PICTURE)).end == End(0)


def test_an_answer_that_has_begun_does_not_win_while_the_other_runs() -> None:
    assert raced().hear(Answers(1)).end is None


def test_a_refusal_does_not_win_while_the_other_runs() -> None:
    assert raced().hear(Ended(0, REFUSAL)).end is None
    assert raced().hear(Ended(0, REFUSAL)).hear(Ended(1, PICTURE)).end == End(1)
    assert raced().hear(Ended(0, REFUSAL)).hear(Ended(1, BUSY)).end == End(0)
    assert raced().hear(Ended(1, REFUSAL)).hear(Ended(0, REFUSAL)).end == End(1)


def test_what_fails_in_a_race_leaves_the_other_alone() -> None:
    assert raced().hear(Ended(1, BUSY)).hear(Answers(0)).end == End(0)
    assert raced().hear(Answers(0)).hear(Ended(1, BUSY)).end == End(0), "alone, it need not be complete"
    assert raced().hear(Ended(1, WRONG)).hear(Ended(0, BUSY)).end == End(None, WRONG)


def test_who_wins_while_another_still_draws_has_a_whole_picture() -> None:
    """So nobody's answer breaks off while another is being paid for."""
    ended = (Ended(number, came) for number in (0, 1) for came in (PICTURE, REFUSAL, CUT, BUSY, LOST))
    heard: list[Answers | Ended] = [Answers(0), Answers(1), *ended]
    left = 0
    for told in permutations(heard, 3):
        dialogue, running = raced(), {0, 1}
        for news in told:
            if dialogue.end is None and news.number in running:
                dialogue.hear(news)
                running -= {news.number} if isinstance(news, Ended) else set()
                last = news
        if dialogue.end is not None and dialogue.end.winner is not None and running - {dialogue.end.winner}:
            assert last == Ended(dialogue.end.winner, PICTURE)
            left += 1
    assert left


def test_an_answer_is_never_raced_once_it_has_begun_alone() -> None:
    dialogue = Dialogue(failover(plan(CHEAP, DEAR), watch())).wait(19.0).hear(Answers(0))
    assert dialogue.end == End(0)


# By the learned pace: for a usual 20 s the line is at 30 s, and three quarters have come after 11 s.
LEARNS = Patience()


def ill(model: Ask, *, opened: bool) -> HealthBoard:
    """A board on which the cheap group is suspect, or open."""
    board = HealthBoard(LEARNS)
    health = board.of(DEFAULT, model.model.id)
    for _ in range(6 if opened else 2):
        health.bad(0.0, 0)
    return board


@pytest.mark.parametrize(
    ("board", "age_s"),
    [(HealthBoard(LEARNS), 60.0), (ill(ask(), opened=False), 30.0)],
    ids=["well: twice the line", "suspect: the line"],
)
def test_an_attempt_is_raced_at_an_age_that_its_groups_health_decides(board: HealthBoard, age_s: float) -> None:
    dialogue = Dialogue(failover(plan(CHEAP, DEAR), watch(LEARNS, board=board)))
    assert dialogue.wait(age_s - 2).names == ["default-1"]
    assert dialogue.wait(4).names == ["default-1", "enterprise"]
    assert dialogue.marked == [0]


def test_what_was_under_way_when_its_group_opened_is_raced_within_a_second() -> None:
    board = HealthBoard(LEARNS)
    dialogue = Dialogue(failover(plan(CHEAP, DEAR), watch(LEARNS, board=board))).wait(20.0)
    assert dialogue.names == ["default-1"]
    for _ in range(6):
        board.of(DEFAULT, "flash").bad(20.0, 0)
    assert dialogue.wait(1.5).names == ["default-1", "enterprise"]


def test_a_probe_costs_its_caller_nothing() -> None:
    dialogue = Dialogue(failover(plan(CHEAP, DEAR, probes=True), watch(LEARNS))).wait(12.0)
    assert dialogue.names == ["default-1", "enterprise"]
    assert not dialogue.marked, "it is early that it is raced, not late that it is"


def test_a_failover_ends_within_the_callers_time() -> None:
    """At 40 s nine of ten answers of the other group, and two seconds more, are what is left of a minute."""
    dialogue = Dialogue(failover(plan(CHEAP, DEAR), watch(LEARNS, deadline_at=60.0)))
    assert dialogue.wait(42.0).names == ["default-1"]
    assert dialogue.wait(4.0).names == ["default-1", "enterprise"]


def test_where_the_stakes_are_used_up_it_is_asked_again_later() -> None:
    stakes = Stakes()
    while stakes.take(0.0):
        pass
    dialogue = Dialogue(failover(plan(CHEAP, DEAR), watch(stakes=stakes))).wait(250.0)
    assert dialogue.names == ["default-1"]
    assert dialogue.wait(100.0).names == ["default-1", "enterprise"], "after five minutes they are new"


def test_a_call_that_hangs_in_the_only_group_that_is_well_is_tried_there_again() -> None:
    board = HealthBoard(LEARNS)
    for _ in range(6):
        board.of(DEFAULT, "flash").bad(0.0, 0)
    dialogue = Dialogue(failover(plan(DEAR, CHEAP), watch(LEARNS, board=board))).wait(62.0)
    assert dialogue.names == ["enterprise", "enterprise"]


def test_a_race_that_was_not_begun_leaves_no_trace() -> None:
    """Long before a race is due it is weighed every second; of a key that is refused then, no second try is left."""
    board = HealthBoard(LEARNS)
    for _ in range(6):
        board.of(DEFAULT, "flash").bad(0.0, 0)
    dialogue = Dialogue(failover(plan(DEAR, CHEAP), watch(LEARNS, board=board))).wait(50.0)
    assert dialogue.hear(Ended(0, REFUSED_KEY)).names == ["enterprise", "default-1"]
