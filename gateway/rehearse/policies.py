"""The production policy, and the naive ones it is compared with: all of them speak as `core.failover` does."""

from collections.abc import Callable, Generator

from gateway.core.failover import failover
from gateway.core.outcome import Verdict
from gateway.core.steps import End, Ended, News, Start, Step, Wait
from gateway.core.watch import Watch
from gateway.rehearse.engine import Policy, Run
from gateway.rehearse.played import Told


def ours(run: Run, told: Told, deadline_at: float) -> Generator[Step, News, End]:
    """The production policy, unchanged."""
    replica = run.replicas[told.replica]
    watch = Watch(replica.board, replica.stakes, told.ask, deadline_at)
    return failover(run.plan(told), watch)


def wait(run: Run, _: Told, __: float) -> Generator[Step, News, End]:
    """No failover at all: wait for the first group."""
    yield Start(run.lanes[0])
    return (yield from _until_over())


def retry_after(timeout_s: float, cooldown_s: float = 60.0, in_a_row: int = 3) -> Policy:
    """Abandons after a timeout and asks the next group; after so many in a row that one goes first for a while."""
    state = {"failures": 0, "until": 0.0}

    def policy(run: Run, _: Told, __: float) -> Generator[Step, News, End]:
        order = list(run.lanes) if run.now >= state["until"] else list(reversed(run.lanes))
        for number, lane in enumerate(order):
            yield Start(lane)
            news = yield from _for(number, timeout_s)
            if isinstance(news, Ended) and news.outcome.verdict is Verdict.PICTURE:
                if lane is run.lanes[0]:
                    state["failures"] = 0
                return End(number)
            if lane is run.lanes[0]:
                state["failures"] += 1
                if state["failures"] >= in_a_row:
                    state["failures"], state["until"] = 0, run.now + cooldown_s
        return End(None)

    return policy


def _for(number: int, timeout_s: float) -> Generator[Step, News, News]:
    """Waits for this attempt alone; what those before it bring, nobody is there for any more."""
    news = yield Wait(timeout_s)
    while isinstance(news, Ended) and news.number != number:
        news = yield Wait(timeout_s)
    return news


def _until_over() -> Generator[Step, News, End]:
    while True:
        news = yield Wait(None)
        if isinstance(news, Ended):
            return End(news.number if news.outcome.verdict is Verdict.PICTURE else None, news.outcome)


# By name; each is made anew for a run, since some remember.
OURS = "gateway"
POLICIES: dict[str, Callable[[], Policy]] = {
    OURS: lambda: ours,
    "wait": lambda: wait,
    "retry after 120 s": lambda: retry_after(120.0),
    "three time-outs": lambda: retry_after(360.0),
}
