"""What to do next as news of a call's attempts comes in.

`failover` is a generator: it yields what to do next and is sent what came of it. It knows no clock,
no connection and no caller. What is sent is never called back, since it may be billed all the same: an
attempt that is stuck is raced, and the first picture wins.
"""

from collections.abc import Generator

from gateway.core.plan import Plan
from gateway.core.steps import Answers, Began, Denied, End, Ended, Late, Mark, News, Step, Wait
from gateway.core.trials import Trials
from gateway.core.watch import Watch


def failover(plan: Plan, watch: Watch) -> Generator[Step, News, End]:
    """What to try next until an attempt answers or nothing is left.

    After `Start` it is sent `Began` or `Denied`, after `Mark` None, after `Wait` the news. One attempt alone wins
    with the first byte of its answer. Of several the first with a picture wins; an answer without one
    does when no other is left, since it may only be this group that will not draw. A request that the
    upstream finds wrong is not tried elsewhere; one whose signatures it does not take is tried once more
    on the same lane, plain, where it is rewritable: that refusal costs nothing, and no attempt.
    """
    trials = Trials([each.lane for each in plan.lanes], watch, plan.probes)
    begin = True
    while True:
        if begin and trials.more:
            step = trials.start()
            match (yield step):
                case Began(now):
                    trials.began(step.lane, now)
                case Denied(spent):
                    begin = trials.denied(step.lane, spent)
                    continue
                case _:
                    raise TypeError("Start is answered with Began or Denied")
        if (end := trials.end()) is not None:
            return end
        news = yield Wait(trials.look_s())
        begin = False
        match news:
            case Answers(number):
                trials.running[number].answers = True
            case Ended(number, outcome):
                begin = trials.ended(number, outcome)
            case Late(now):
                trials.now = now
                for number in trials.newly_late():
                    yield Mark(number)
                begin = trials.races()
            case _:
                raise TypeError("Wait is answered with news")
