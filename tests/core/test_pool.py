"""Several replicas around one board, in the time that the test says: who hears what of whom."""

import pytest

from gateway.core.board import HealthBoard, Tried
from gateway.core.health import Patience
from gateway.core.latency import Kind, place_of
from gateway.core.move import Standing
from gateway.core.outcome import Outcome, Reply, Verdict, of_reply, of_status, outcome
from gateway.core.pool import FROM_NOW_ON, Answer, Pool, Push
from gateway.core.tally import Counts
from gateway.rehearse.replicas import Commons, Replica
from tests.facts import DEFAULT, FLASH, ask

PAIR = (DEFAULT.name, FLASH.id)
PICTURE = of_reply(Reply(usage=None, pictures=1))
BROKEN = of_status(500, "")
OPENS = 6
CLOSED, OPEN = Standing.CLOSED, Standing.OPEN

# The shared clock, and that of a replica, have nothing to do with each other.
AHEAD_S = 1_790_000_000.0


def replicas(many: int = 2) -> list[Replica]:
    return [Replica(number, Patience(dwell_s=30.0), [PAIR]) for number in range(many)]


def saw(replica: Replica, what: Outcome, now: float, *, times: int = 1, took_s: float = 0.0) -> None:
    epoch = replica.board.of(DEFAULT, FLASH.id).epoch
    for _ in range(times):
        tried = Tried(DEFAULT, ask(), epoch, now - took_s)
        name = object()
        replica.board.began(name, tried, now)
        replica.board.ended(name, tried, what, took_s=took_s, was_late=False, now=now)


def turns(commons: Commons | None, every: list[Replica], since: float, until: float) -> float:
    """All take their turn at every second, one after the other."""
    now = since
    while now < until:
        now += 1.0
        for replica in every:
            replica.turn(commons, now, stood_still=False)
    return now


def standing(replica: Replica, now: float) -> Standing:
    return replica.board.of(DEFAULT, FLASH.id).standing(now)


def away(replica: Replica) -> bool:
    return replica.pool.away


def test_what_one_sees_the_others_hear_within_two_seconds() -> None:
    commons, (one, other) = Commons(), replicas()
    now = turns(commons, [one, other], 1000.0, 1002.0)
    saw(one, PICTURE, now)
    saw(other, PICTURE, now)
    now = turns(commons, [one, other], now, now + 2.0)
    saw(one, BROKEN, now, times=OPENS)
    assert standing(other, now) is CLOSED
    now = turns(commons, [one, other], now, now + 2.0)
    assert (standing(one, now), standing(other, now)) == (OPEN, OPEN)


def test_evidence_of_many_adds_up() -> None:
    commons, every = Commons(), replicas(OPENS)
    now = turns(commons, every, 1000.0, 1002.0)
    for replica in every:
        saw(replica, BROKEN, now)
    now = turns(commons, every, now, now + 3.0)
    assert {standing(each, now) for each in every} == {OPEN}


def test_nobody_hears_itself() -> None:
    commons, (one, other) = Commons(), replicas()
    now = turns(commons, [one, other], 1000.0, 1002.0)
    saw(one, BROKEN, now)
    now = turns(commons, [one, other], now, now + 10.0)
    assert (standing(one, now), standing(other, now)) == (CLOSED, CLOSED), "one bad outcome is not two"


def test_an_idle_replica_learns_of_an_opening_without_a_call() -> None:
    commons, (one, idle) = Commons(), replicas()
    now = turns(commons, [one, idle], 1000.0, 1002.0)
    saw(one, BROKEN, now, times=OPENS)
    now = turns(commons, [one, idle], now, now + 7.0)
    assert standing(idle, now) is OPEN


def test_a_pair_that_nobody_uses_costs_nothing() -> None:
    commons, every = Commons(), replicas()
    turns(commons, every, 1000.0, 1060.0)
    assert commons.exchanges == 0
    assert every[0].board.pairs == []


def test_a_pair_in_use_costs_one_exchange_a_second_and_then_hardly_any() -> None:
    commons, every = Commons(), replicas(1)
    now = turns(commons, every, 1000.0, 1001.0)
    for _ in range(10):
        saw(every[0], PICTURE, now)
        now = turns(commons, every, now, now + 1.0)
    assert commons.exchanges <= 10 + 1
    now = turns(commons, every, now, now + 40.0)
    before = commons.exchanges
    turns(commons, every, now, now + 600.0)
    assert commons.exchanges - before <= 1


def test_a_replica_that_has_just_begun_hears_what_was_said_before_it() -> None:
    commons, (one,) = Commons(), replicas(1)
    now = turns(commons, [one], 1000.0, 1002.0)
    saw(one, BROKEN, now, times=OPENS)
    now = turns(commons, [one], now, now + 20.0)
    (late_comer,) = replicas(1)
    now = turns(commons, [one, late_comer], now, now + 2.0)
    assert standing(late_comer, now) is OPEN
    assert standing(late_comer, now + 12.0) is standing(one, now + 12.0) is Standing.HALF, "at about the same moment"


def test_what_others_began_before_this_one_opened_is_no_news() -> None:
    commons, (one, other) = Commons(), replicas()
    now = turns(commons, [one, other], 1000.0, 1002.0)
    saw(one, BROKEN, now, times=OPENS)
    now = turns(commons, [one, other], now, now + 32.0)
    assert standing(one, now) is Standing.HALF
    saw(other, BROKEN, now, times=3, took_s=50.0)
    now = turns(commons, [one, other], now, now + 7.0)
    assert standing(one, now) is Standing.HALF
    saw(other, BROKEN, now, took_s=1.0)
    now = turns(commons, [one, other], now, now + 7.0)
    assert standing(one, now) is OPEN


@pytest.mark.parametrize("bad", [15, 100])
def test_five_hundred_calls_a_second_of_which_some_are_bad_are_no_incident(bad: int) -> None:
    """Three of a hundred are usual, and of twenty nobody turns away; in a row they would have been enough."""
    lossy = Lossy()
    lossy.answer(lossy.push_of_nothing(10.0), 10.0, int(AHEAD_S) + 9)
    began = (int(AHEAD_S) + 10) // 5
    for second in range(10, 70):
        said: Counts = {f"good:{began}": 500 - bad, f"bad:{began}": bad}
        lossy.answer(
            lossy.push_of_nothing(second + 1.0), second + 1.0, int(AHEAD_S) + second, {int(AHEAD_S) + second: said}
        )
        assert lossy.board.health(PAIR).epoch == 0


def test_a_way_that_is_this_replicas_own_is_no_news_for_others() -> None:
    commons, (one, other) = Commons(), replicas()
    now = turns(commons, [one, other], 1000.0, 1002.0)
    saw(one, outcome(Verdict.UNREACHABLE), now, times=OPENS)
    now = turns(commons, [one, other], now, now + 10.0)
    assert (standing(one, now), standing(other, now)) == (OPEN, CLOSED)


def test_a_replica_that_nobody_answers_condemns_no_group_for_others_who_are_answered() -> None:
    commons, (cut_off, other) = Commons(), replicas()
    now = turns(commons, [cut_off, other], 1000.0, 1002.0)
    saw(cut_off, PICTURE, now)
    for _ in range(60):  # longer than the line
        saw(other, PICTURE, now)
        now = turns(commons, [cut_off, other], now, now + 1.0)
    saw(cut_off, outcome(Verdict.LOST), now, times=3 * OPENS)
    saw(other, PICTURE, now)
    now = turns(commons, [cut_off, other], now, now + 3.0)
    assert (standing(cut_off, now), standing(other, now)) == (OPEN, CLOSED)


def test_when_nobody_is_answered_it_is_the_group() -> None:
    commons, (one, other) = Commons(), replicas()
    now = turns(commons, [one, other], 1000.0, 1002.0)
    saw(one, PICTURE, now)
    saw(other, PICTURE, now)
    now = turns(commons, [one, other], now, now + 60.0)
    saw(one, outcome(Verdict.LOST), now, times=OPENS)
    now = turns(commons, [one, other], now, now + 7.0)
    assert standing(other, now) is OPEN


def test_what_was_seen_across_a_pause_speaks_against_nobody() -> None:
    commons, (paused, other) = Commons(), replicas()
    now = turns(commons, [paused, other], 1000.0, 1002.0)
    saw(paused, BROKEN, now, times=OPENS)
    paused.pool.turn(now, stood_still=True)
    now = turns(commons, [paused, other], now, now + 10.0)
    assert standing(other, now) is CLOSED


def test_without_the_store_each_decides_alone_and_says_the_last_ten_seconds_when_it_is_back() -> None:
    commons, (one, other) = Commons(), replicas()
    now = turns(commons, [one, other], 1000.0, 1003.0)
    saw(one, BROKEN, now)
    now = turns(None, [one, other], now, now + 2.0)
    assert away(one)
    saw(one, BROKEN, now, times=OPENS)
    assert standing(one, now) is OPEN
    now = turns(None, [one, other], now, now + 20.0)
    saw(other, BROKEN, now, times=OPENS - 1)
    assert standing(other, now) is not OPEN
    now = turns(None, [one, other], now, now + 5.0)
    newcomer = Replica(9, Patience(), [PAIR])
    now = turns(commons, [one, other, newcomer], now, now + 9.0)
    assert not away(one)
    assert newcomer.board.of(DEFAULT, FLASH.id).standing(now) is Standing.SUSPECT, "of five, not of eleven"


class Lossy:
    """One replica's pool, driven push by push."""

    def __init__(self) -> None:
        self.board = HealthBoard(Patience())
        self.pool = Pool(self.board, [PAIR])
        self.replica = Replica(0, Patience(), [PAIR])
        self.replica.board, self.replica.pool = self.board, self.pool

    def push_of_nothing(self, now: float) -> Push:
        """As of a pair that calls would go to, and of which nothing was seen."""
        self.board.health(PAIR).asking.wanted(now)
        return self.push(now)

    def push(self, now: float) -> Push:
        self.pool.turn(now, stood_still=False)
        return next(self.pool.pushes(now))

    def answer(
        self, push: Push, now: float, heard_to: int, seconds: dict[int, Counts] | None = None, *, leased: bool = False
    ) -> None:
        self.pool.answered(push, Answer(now + AHEAD_S, leased, heard_to, seconds or {}), now)


def test_before_it_knows_what_time_it_is_a_replica_says_nothing_and_forgets_nothing() -> None:
    lossy = Lossy()
    saw(lossy.replica, BROKEN, 10.0)
    first = lossy.push(10.5)
    assert (first.counts, first.heard_to) == ({}, None)
    lossy.answer(first, 10.5, int(AHEAD_S) + 9)
    assert lossy.push(11.5).counts == {f"bad:{(int(AHEAD_S) + 10) // 5}": 1}


def test_what_was_lost_is_not_said_again_and_not_heard_back() -> None:
    lossy = Lossy()
    lossy.answer(lossy.push_of_nothing(10.0), 10.0, int(AHEAD_S) + 9)
    saw(lossy.replica, BROKEN, 10.5)
    lost = lossy.push(11.0)
    assert lost.counts
    lossy.pool.lost(lost)
    assert list(lossy.pool.pushes(12.0)) == []
    assert lossy.pool.looks(12.0) == [PAIR], "one look asks whether the store is back"
    lossy.pool.looked({PAIR: int(AHEAD_S) + 11}, 12.0)
    again = lossy.push(12.5)
    assert (again.counts, again.heard_to) == ({}, FROM_NOW_ON)


def test_of_its_own_second_a_replica_hears_only_the_others() -> None:
    lossy = Lossy()
    lossy.answer(lossy.push_of_nothing(10.0), 10.0, int(AHEAD_S) + 9)
    saw(lossy.replica, BROKEN, 10.5)
    said = lossy.push(11.0)
    lossy.answer(said, 11.2, int(AHEAD_S) + 10)
    (name,) = said.counts
    second: dict[int, Counts] = {int(AHEAD_S) + 11: {name: 1 + OPENS}}
    lossy.answer(lossy.push(12.2), 12.2, int(AHEAD_S) + 11, second)
    health = lossy.board.health(PAIR)
    assert (health.epoch, health.standing(12.2)) == (1, OPEN)
    assert health.asking.leases(12.2) == 0


def test_what_was_learned_on_other_days_is_believed_by_a_replica_that_begins() -> None:
    lossy, day, now = Lossy(), int(AHEAD_S) // 86_400, 100.0
    took: Counts = {f"took:1K:0:0:{place_of(4.0)}": 600, f"took:2K:0:0:{place_of(9.0)}": 40}
    push = lossy.push_of_nothing(now)
    answer = Answer(now + AHEAD_S, False, int(AHEAD_S), days={day - 1: took, day - 7: took})
    lossy.pool.answered(push, answer, now)
    assert lossy.board.pace(DEFAULT, ask(), now).quantile(0.5) == pytest.approx(4.0, rel=0.1)
    assert lossy.board.suspect_s(DEFAULT, ask(), now) == 15.0
    prior = lossy.board.pace(DEFAULT, ask(size="4K"), now).quantile(0.5)
    assert lossy.board.pace(DEFAULT, ask(size="2K"), now).quantile(0.5) == prior, "of the older ones little is left"


def test_a_line_that_days_have_raised_is_raised_at_once() -> None:
    lossy, day, now = Lossy(), int(AHEAD_S) // 86_400, 100.0
    slow: Counts = {f"took:1K:0:0:{place_of(60.0)}": 500}
    before = lossy.board.suspect_s(DEFAULT, ask(), now)
    answer = Answer(now + AHEAD_S, False, int(AHEAD_S), days=dict.fromkeys(range(day - 3, day), slow))
    lossy.pool.answered(lossy.push_of_nothing(now), answer, now)
    days = now + AHEAD_S - (day - 3 + 0.5) * 86_400
    assert lossy.board.suspect_s(DEFAULT, ask(), now) == pytest.approx(before * 1.2 ** (days / 86_400), rel=0.01)


def test_replicas_learn_the_pace_together() -> None:
    commons, (one, other) = Commons(), replicas()
    now = turns(commons, [one, other], 1000.0, 1002.0)
    for _ in range(60):
        saw(one, PICTURE, now, took_s=3.0)
        now = turns(commons, [one, other], now, now + 4.0)
    now = turns(commons, [one, other], now, now + 8.0)
    kind = Kind(*PAIR, "1K", thinks=False, crowd=0)
    learned = other.board._histograms[kind].count(now)
    assert learned == pytest.approx(60, rel=0.1)
    assert other.board.pace(DEFAULT, ask(), now).quantile(0.5) == pytest.approx(3.0, rel=0.1)
