"""`gateway calls fetch`: what is kept of a call, as files."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from gateway.cli.archive import shelf_of
from gateway.cli.office import Office, run
from gateway.cli.options import AsJson, ConfigFile, err, print_json, settings_of
from gateway.core.errors import NotFound
from gateway.ledger.calls import PastCalls
from gateway.ledgers import kept_of
from gateway.web.downloads import Download
from gateway.web.kept import Kept
from gateway.web.kept_calls import KeptCalls

Folder = Annotated[
    Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where to write; made if it is not there.")
]


def fetch(
    call: Annotated[str, typer.Argument(metavar="CALL", help="Its id, as x-gateway-call-id tells it.")],
    into: Folder = Path(),
    picture: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only this one of several, from 1 on.", show_default=False)
    ] = None,
    result: Annotated[bool, typer.Option("--result", help="The upstream's replies as they came instead.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Write the pictures of a call into files, while they are kept, and print where they are.

    Files are named by the call and the number: CALL.1.png.
    """
    written: list[dict[str, Any]] = []

    async def work(office: Office) -> None:
        with kept_calls(office, config) as calls:
            kept = await calls.of_any(call)
            for number in _wanted(kept, picture, result=result):
                download = kept.reply(number) if result else await kept.picture(number)
                path = await write(download, into)
                told = {"media_type": download.media_type, "bytes": download.size, "path": str(path)}
                written.append({"number": number, **told})

    run(config, work)
    if as_json:
        print_json(written)
    else:
        for each in written:
            typer.echo(each["path"])


@contextmanager
def kept_calls(office: Office, config: Path | None) -> Iterator[KeptCalls]:
    """Calls with what is kept of them."""
    past = PastCalls(office.ledger.store, shelf_of(config, None))
    with kept_of(settings_of(config), _say_sealed) as (_, results):
        yield KeptCalls(past, results, time.time)


def _say_sealed() -> None:
    err.print("gateway: something in the vault is sealed with another vault_key than that of this configuration")


def _wanted(kept: Kept, picture: int | None, *, result: bool) -> Sequence[int]:
    if picture is not None:
        return [picture]
    numbers = kept.numbers if result else kept.pictured
    if not numbers:
        raise NotFound(f"The model answered call {kept.call_id} without a picture; --result has what it said.")
    return numbers


async def write(download: Download, into: Path) -> Path:
    """Makes a file of it in a directory, and says where."""
    path = into / download.name
    with _drafted(path) as file:
        async for piece in download.read(0, download.size):
            file.write(piece)
    return path


@contextmanager
def _drafted(path: Path) -> Iterator[BinaryIO]:
    """What is written here is at `path` when all of it is, and nothing of it otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
