from gateway.core.failover import Plan, Quoted, claim_probe
from gateway.core.health import Health, HealthBoard, Patience, Standing, suspect_s
from gateway.core.outcome import Reply, of_reply, of_status
from tests.facts import ask, lane

PATIENCE = Patience(dwell_s=30.0, dwell_most_s=100.0)
PICTURE = of_reply(Reply(usage=None, pictures=1))


def opened(now: float = 0.0) -> Health:
    health = Health(PATIENCE)
    for _ in range(3):
        health.bad(now)
    return health


def test_one_failure_opens_nothing() -> None:
    health = Health(PATIENCE)
    health.bad(0.0)
    health.bad(1.0)
    health.good(2.0)
    health.bad(3.0)
    assert health.standing(4.0) is Standing.CLOSED


def test_three_in_a_row_open_for_the_dwell() -> None:
    health = opened()
    assert health.standing(29.9) is Standing.OPEN
    assert health.standing(30.0) is Standing.HALF


def test_one_call_asks_and_the_others_wait_for_it() -> None:
    health = opened()
    health.take_probe(30.0, lasts_s=20.0)
    assert health.standing(31.0) is Standing.OPEN
    assert health.standing(50.0) is Standing.HALF


def test_a_good_probe_closes() -> None:
    health = opened()
    health.take_probe(30.0, lasts_s=20.0)
    health.good(35.0)
    assert health.standing(35.0) is Standing.CLOSED


def test_each_failed_probe_doubles_the_dwell_up_to_its_most() -> None:
    health = opened()
    health.bad(30.0)
    assert health.standing(89.9) is Standing.OPEN
    assert health.standing(90.0) is Standing.HALF
    health.bad(90.0)
    assert health.standing(189.9) is Standing.OPEN
    assert health.standing(190.0) is Standing.HALF


def test_a_late_answer_to_an_old_call_does_not_close_an_open_group() -> None:
    health = opened()
    health.good(10.0)
    assert health.standing(11.0) is Standing.OPEN


def test_what_is_the_callers_fault_moves_nothing() -> None:
    board = HealthBoard(PATIENCE)
    for _ in range(10):
        board.ended(lane(), ask(), of_status(400, "bad"), was_late=False, now=0.0)
        board.ended(lane(), ask(), of_status(401, "key"), was_late=False, now=0.0)
    assert board.of(lane().group, "flash").standing(0.0) is Standing.CLOSED


def test_a_stuck_attempt_is_told_once() -> None:
    board = HealthBoard(PATIENCE)
    for _ in range(2):
        board.late(lane(), ask(), now=0.0)
        board.ended(lane(), ask(), of_status(504, ""), was_late=True, now=1.0)
    assert board.of(lane().group, "flash").standing(1.0) is Standing.CLOSED


def test_models_are_judged_apart() -> None:
    board = HealthBoard(PATIENCE)
    for _ in range(3):
        board.ended(lane(), ask(), of_status(500, ""), was_late=False, now=0.0)
    assert board.standings(1.0) == {("Default", "flash"): Standing.OPEN}
    board.ended(lane(), ask(), PICTURE, was_late=False, now=31.0)
    assert board.standings(31.0) == {("Default", "flash"): Standing.CLOSED}


def test_the_first_call_after_the_dwell_is_the_one_that_asks() -> None:
    board = HealthBoard(PATIENCE)
    for _ in range(3):
        board.ended(lane(), ask(), of_status(500, ""), was_late=False, now=0.0)
    claim_probe(Plan((Quoted(lane(), 1),)), ask(), board, now=31.0, lasts_s=20.0)
    assert board.of(lane().group, "flash").standing(32.0) is Standing.OPEN


def test_the_suspect_line_follows_size_and_thinking_unless_it_is_set() -> None:
    assert suspect_s(ask(), Patience()) == 30.0
    assert suspect_s(ask(thinking="high"), Patience()) == 45.0
    assert suspect_s(ask(thinking="minimal"), Patience()) == 30.0
    assert suspect_s(ask(), Patience(suspect_s=2.5)) == 2.5
