"""`gateway jobs`: requests that are drawn without anybody waiting, and their answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.fetch import Folder, kept_calls, write
from gateway.cli.office import Office, by_option, key_of, run
from gateway.cli.options import AsJson, ConfigFile, err, moment, out, print_facts, print_json, print_table
from gateway.ledger.calls import PastCalls
from gateway.ledger.jobs import Place
from gateway.web.kept_jobs import KeptJobs
from gateway.web.told_jobs import MOST, USUAL, ToldJobs, deleted

jobs = typer.Typer(no_args_is_help=True, help="Jobs: how they stand, what they cost, their answers, and deleting one.")

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Its id, as x-gateway-job-id tells it.")]

# Columns for people, and what each is called in the report.
_SHOWN = {
    "made": "made_at",
    "job": "id",
    "team": "team",
    "key": "key_id",
    "route": "route",
    "model": "model",
    "state": "state",
    "tries": "tries",
    "code": "code",
    "$": "cost_usd",
    "call": "call_id",
}
_TRY = ("at", "status", "took_ms", "why")


@jobs.command("list")
def list_jobs(
    team: Annotated[str | None, typer.Option(help="Only this team's.", show_default=False)] = None,
    key: Annotated[str | None, typer.Option(help="Only this key's, by id.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many at most.")] = USUAL,
    cursor: Annotated[
        str | None, typer.Option(help="As the list before has told it: what comes behind.", show_default=False)
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first."""

    async def work(office: Office) -> None:
        if key is not None:
            await key_of(office, key)
        with by_option():
            after = None if cursor is None else Place.of_cursor(cursor)
        page = await _told(office).page_of_any(team=team, key_id=key, after=after, limit=limit)
        if as_json:
            print_json(page)
            return
        rows = [{**each, "made_at": moment(each["made_at"])} for each in page["jobs"]]
        print_table(tuple(_SHOWN), [[row[name] for name in _SHOWN.values()] for row in rows], right=("tries", "$"))
        if page["next"]:
            out.print(f"\nMore: --cursor {page['next']}", highlight=False, soft_wrap=True)

    run(config, work)


@jobs.command()
def show(job: JobId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show how a job stands."""

    async def work(office: Office) -> None:
        told = await _told(office).one_of_any(await office.ledger.jobs.find(job))
        if as_json:
            print_json(told)
            return
        webhook: dict[str, Any] | None = told.pop("webhook")
        print_facts({**told, "webhook": webhook and webhook["url"], "told": webhook and webhook["state"]})
        if webhook is not None and webhook["deliveries"]:
            out.print()
            tries = [{**each, "at": moment(each["at"])} for each in webhook["deliveries"]]
            print_table(_TRY, [[each[name] for name in _TRY] for each in tries], right=("took_ms",))

    run(config, work)


@jobs.command()
def fetch(job: JobId, into: Folder = Path(), config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Write the answer of a job into a file, while it is kept, and print where it is: JOB.json, an error too.

    `gateway calls fetch` has the pictures of the call that it has become.
    """
    written: dict[str, Any] = {}

    async def work(office: Office) -> None:
        with _kept(office, config) as kept:
            answer = await kept.answer(await office.ledger.jobs.find(job))
            path = await write(answer, into)
        told = {"status": answer.status, "media_type": answer.media_type, "bytes": answer.size}
        written.update(told, path=str(path))

    run(config, work)
    if as_json:
        print_json(written)
        return
    typer.echo(written["path"])
    if written["status"] != 200:
        err.print(f"gateway: that is an error, of status {written['status']}", highlight=False)


@jobs.command()
def forget(job: JobId, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Forget a job and its answer. What is being drawn for it goes on, and is charged when it is finished."""

    async def work(office: Office) -> None:
        with _kept(office, config) as kept:
            found = await office.ledger.jobs.find(job)
            told = deleted(found, await kept.forget(found, office.ledger.actor))
        (print_json if as_json else print_facts)(told)

    run(config, work)


def _told(office: Office) -> ToldJobs:
    return ToldJobs(office.ledger.jobs, PastCalls(office.ledger.store))


@contextmanager
def _kept(office: Office, config: Path | None) -> Iterator[KeptJobs]:
    with kept_calls(office, config) as calls:
        yield KeptJobs(office.ledger.jobs, calls.results, calls.today)
