"""Every place in the life of a call or a job where its gateway can die, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.ledger.frames import framed, unframed
from tests.kills.home import Ask
from tests.kills.promises import DRAWN, UNSURE
from tests.kills.ways import Side

STREAM = Ask("a boat", native=True)
TWO = Ask("a boat", pictures=2)
OVER = Ask("a boat [sim:busy#1]", native=True)  # on to the dearer group
RACED = Ask("a boat [sim:slow#1]")  # both groups draw it
TORN = Ask("a boat [sim:cut]", native=True)
FRUITLESS = Ask("a boat [sim:no-image]", pictures=2)  # asked for a second time
REFUSED = (Ask("a boat [sim:busy]", native=True), Ask("a boat [sim:busy]", pictures=2))

JOB = Ask("a boat", later=True)
JOB_OF_TWO = Ask("a boat", pictures=2, later=True)

EVERY = (STREAM, TWO, OVER)
UNOWED = (TORN, FRUITLESS, RACED)  # which no caller pays for
KEYED = (STREAM, TWO, JOB, JOB_OF_TWO)  # each under an Idempotency-Key of its own


def torn(home: Path) -> None:
    """The power fails: of the last thing that was written down half is on the disk."""
    last = max(home.glob("0*"))
    data = last.read_bytes()
    entries = unframed(data).entries
    last.write_bytes(data[: len(data) - len(framed(entries[-1])) // 2])


def in_another_file(home: Path) -> None:
    """The file had become long: the last thing is in another, and a third has just been made."""
    first = home / "000001"
    data = first.read_bytes()
    length = len(framed(unframed(data).entries[-1]))
    (home / "000002").write_bytes(data[-length:])
    (home / "000003").touch()
    first.write_bytes(data[:-length])


def as_it_is(home: Path) -> None:
    """Nothing but the process is gone."""


@dataclass(frozen=True)
class Boundary:
    """`left` is how many writes of a function the journal has then at least, which tells that it is the place.

    `function` is of the library; empty: it is a request to the seller. Both None: the callers have their answers.
    It is held of every picture, or of as many as `held` says, calls and jobs too; `saying`: only what says this.
    `ends` is how each call stands once it was asked again under its Idempotency-Key; empty: it has none.
    """

    name: str
    side: Side | None = None
    function: str = ""
    calls: tuple[Ask, ...] = EVERY
    left: Mapping[str, int] = field(default_factory=dict)
    wound: Callable[[Path], None] = as_it_is
    successor: str = ""  # is killed when the first write of this function that it makes is made
    comes_back: bool = False  # the journal: everything in it was made, and it was not yet removed
    held: int = 0
    saying: str = ""
    ends: str = ""

    @property
    def count(self) -> int:
        return self.held or sum(ask.pictures for ask in self.calls)


UNSENT, UNANSWERED, BEGUN = Side

BOUNDARIES = (
    Boundary("before money is set aside", UNSENT, "reserve", left={"void": 4}),
    Boundary("after money was set aside, and before that is known", UNANSWERED, "reserve", left={"void": 4}),
    Boundary(
        "after an allowance was drawn on, and before that is known", UNANSWERED, "draw", (OVER, OVER), {"void": 2}
    ),
    Boundary("before the seller is asked", UNSENT, left={"void": 4, "operator": 4}),
    Boundary("before the seller answers", UNANSWERED, left={"void": 4, "operator": 4}),
    Boundary("in the middle of the seller's answer", BEGUN, left={"void": 4, "operator": 4}),
    Boundary("before a charge is in the books", UNSENT, "settle", left={"settle": 4}),
    Boundary("after a charge is in the books, and before that is known", UNANSWERED, "settle", left={"settle": 4}),
    Boundary("when the callers have their answers"),
    Boundary("after an allowance was put right, and before that is known", UNANSWERED, "correct", (OVER, OVER)),
    Boundary("before money is free again", UNSENT, "void", REFUSED, {"void": 3}),
    Boundary("after money is free again, and before that is known", UNANSWERED, "void", REFUSED, {"void": 3}),
    Boundary("before the operator has paid", UNSENT, "operator", UNOWED, {"operator": 4}),
    Boundary("after the operator has paid, and before that is known", UNANSWERED, "operator", UNOWED, {"operator": 4}),
    Boundary("while a promise in case is written, by a power cut", UNSENT, "reserve", wound=torn),
    Boundary("while a promise about an attempt is written, by a power cut", UNSENT, wound=torn),
    Boundary("while a charge is written down, by a power cut", UNSENT, "settle", wound=torn),
    Boundary("as another file of the journal begins", UNSENT, "settle", left={"settle": 4}, wound=in_another_file),
    Boundary("and its successor, of a charge", UNSENT, "settle", left={"settle": 4}, successor="settle"),
    Boundary("and its successor, of an attempt", BEGUN, left={"operator": 4}, successor="operator"),
    Boundary("and its successor, before the journal is gone", UNANSWERED, "settle", comes_back=True),
)

JOBS = (JOB, JOB_OF_TWO)
OVER_AT = "ended_at"

# Of calls that are asked again, and of jobs that another gateway goes on with.
PROMISED = (
    Boundary("before money is set aside for what is promised", UNSENT, "reserve", KEYED, ends=DRAWN),
    Boundary("after money was set aside for what is promised", UNANSWERED, "reserve", KEYED, ends=DRAWN),
    Boundary("before the seller is asked for what is promised", UNSENT, calls=KEYED, ends=UNSURE),
    Boundary("in the middle of the seller's answer to what is promised", BEGUN, calls=KEYED, ends=UNSURE),
    Boundary("before a promised picture is charged", UNSENT, "settle", KEYED, {"settle": 6}, ends=DRAWN),
    Boundary("after a promised picture was charged", UNANSWERED, "settle", KEYED, {"settle": 6}, ends=DRAWN),
    Boundary("before it is told how a call stands", UNSENT, "stands", KEYED, held=4, ends=DRAWN),
    Boundary("after it was told how a call stands", UNANSWERED, "stands", KEYED, held=4, ends=DRAWN),
    Boundary("before a job is in the store", UNSENT, "job_add", JOBS, held=2, ends=DRAWN),
    Boundary("after a job is in the store, and before that is known", UNANSWERED, "job_add", JOBS, held=2, ends=DRAWN),
    Boundary("before a job is begun", UNSENT, "job_note", JOBS, held=2, ends=DRAWN),
    Boundary("after a job was begun, and before that is known", UNANSWERED, "job_note", JOBS, held=2, ends=DRAWN),
    Boundary("before a job is over", UNSENT, "job_note", (JOB,), held=1, saying=OVER_AT, ends=DRAWN),
    Boundary(
        "after a job was over, before that is known",
        UNANSWERED,
        "job_note",
        (JOB,),
        held=1,
        saying=OVER_AT,
        ends=DRAWN,
    ),
    Boundary("and its successor, of a job", UNANSWERED, "job_add", (JOB,), successor="job_take", held=1, ends=DRAWN),
)
