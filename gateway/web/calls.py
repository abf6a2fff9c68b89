"""Recent calls as they are told: by the admin API, to the holder of a key, and by the commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from gateway.core.headers import NEXT_CURSOR
from gateway.core.money import usd_of
from gateway.core.paging import Place, cursor_of, place_of
from gateway.core.past import PastAttempt, PastCall
from gateway.core.table import Column, Kind, Table
from gateway.ledger.calls import PastCalls, Wanted
from gateway.web.exports import Format, file_of

MOST = 200
USUAL = 50

_COLUMNS = (
    *(Column(name, Kind.TEXT) for name in ("at", "id", "team", "key_id", "route", "model", "size", "group", "state")),
    *(Column(name, Kind.USD) for name in ("usd", "held_usd", "list_usd")),
    *(Column(name, Kind.COUNT) for name in ("pictures", "input_tokens", "output_tokens", "took_ms")),
    *(Column(name, Kind.TEXT) for name in ("why", "attempts")),
)


@dataclass(frozen=True, slots=True)
class CallsWords:
    """Which calls somebody asks for, in their words."""

    since: Annotated[date | None, Query(description="Not before this day, UTC.")] = None
    limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most.")] = USUAL
    cursor: Annotated[str | None, Query(description="As `next` of the page before; none: the newest.")] = None


@dataclass(frozen=True, slots=True)
class Page:
    """Calls, newest first, and the cursor of those behind them; None: there are none."""

    calls: Sequence[PastCall]
    next: str | None


async def read_page(calls: PastCalls, words: CallsWords, *, team: str | None, key_id: str | None) -> Page:
    """Raises `BadRequest` and `BooksAway`."""
    after = place_of(words.cursor) if words.cursor else None
    since = datetime.combine(words.since, time(), UTC).timestamp() if words.since else 0.0
    found, rest = await calls.page(Wanted(team, key_id, since), words.limit, after)
    return Page(found, _cursor(rest))


async def told(page: Page, chosen: Format) -> Response:
    """A page as an answer; where it is a file, the cursor of the next is in a header."""
    if chosen is Format.JSON:
        return JSONResponse({"calls": [document(call) for call in page.calls], "next": page.next})
    answer = await run_in_threadpool(file_of, table(page.calls), chosen, name="calls")
    if page.next:
        answer.headers[NEXT_CURSOR] = page.next
    return answer


def document(call: PastCall) -> dict[str, Any]:
    """A call with its attempts. What is not known is null."""
    cells = dict(zip((column.name for column in _COLUMNS), table([call]).told()[0], strict=True))
    attempts = [_attempt(each) for each in call.attempts]
    return {**cells, "at": round(call.at, 3), "caller_left": call.left, "attempts": attempts}


def table(calls: Sequence[PastCall]) -> Table:
    """A row for each call, with its attempts in words."""
    return Table(_COLUMNS, [_row(call) for call in calls])


def words(each: PastAttempt) -> str:
    """What became of an attempt, for people: "Default busy 429"."""
    came_to = each.verdict or "still on its way"
    return " ".join(str(word) for word in (each.group, came_to, each.status) if word is not None)


def _row(call: PastCall) -> tuple[str | int | None, ...]:
    at = datetime.fromtimestamp(call.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    texts = (call.team, call.key_id, call.route, call.model, call.size, call.group)
    money = (call.spent_nanos, call.held_nanos, call.list_nanos)
    figures = (*money, call.pictures, call.input_tokens, call.output_tokens, call.took_ms)
    attempts = "; ".join(map(words, call.attempts))
    return (at, call.id, *(text or None for text in texts), call.state, *figures, call.why or None, attempts)


def _attempt(each: PastAttempt) -> dict[str, Any]:
    return {
        "id": each.id,
        "group": each.group,
        "lane": each.lane or None,
        "verdict": each.verdict,
        "status": each.status,
        "took_ms": each.took_ms,
        "usd": None if each.nanos is None else usd_of(each.nanos),
        "billed": each.billed,
        "paid_by": each.payer,
        "why": each.why,
    }


def _cursor(place: Place | None) -> str | None:
    return None if place is None else cursor_of(place)
