"""The trail of what administrators did, by the admin API."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from gateway.core.trail import Deed
from gateway.ledger.ledger import Ledger
from gateway.ledger.trail import MOST
from gateway.web import answers
from gateway.web.problems import as_problem

USUAL = 100


def add(routes: APIRouter, ledger: Ledger) -> None:
    @routes.get("/audit", summary="What administrators did, the newest first", response_model=answers.Trail)
    async def audit(
        since: Annotated[datetime | None, Query(description="From when on; without a zone: UTC.")] = None,
        subject: Annotated[
            str | None,
            Query(description="A key, a drill, a job or an attempt by its id, or a team, with its keys and jobs."),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MOST, description="How many at once.")] = USUAL,
        cursor: Annotated[
            str | None, Query(description="As the page before has it, for what came before that.")
        ] = None,
    ) -> dict[str, Any]:
        after = None if since is None else (since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp()
        with as_problem():
            page = await ledger.trail.page(limit=limit, since=after, subject=subject, cursor=cursor)
        return {"entries": [entry(each) for each in page.deeds], "cursor": page.cursor}


def entry(deed: Deed) -> dict[str, Any]:
    """A row as JSON, here and from the command."""
    return {
        "at": deed.at,
        "who": deed.who,
        "door": deed.door,
        "action": deed.action,
        "subject": deed.subject,
        "team": deed.team,
        "changes": {name: {"before": each.before, "after": each.after} for name, each in deed.changes.items()},
    }
