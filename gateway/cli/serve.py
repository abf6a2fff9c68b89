"""`gateway serve`: the gateway itself, in one process or in several."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Annotated

import typer
import uvloop

from gateway import app as house
from gateway.cli.endings import told
from gateway.cli.options import ConfigFile, err, settings_of
from gateway.config.schema import MOST_WORKERS
from gateway.config.settings import Admin, Settings
from gateway.config.shares import share_of
from gateway.listening import address_of, listen_on, on_signals, serve_on
from gateway.observe.siblings import Answer, Siblings
from gateway.tuning import open_files, too_few, tune_collector, tune_memory
from gateway.workers import Berth, run_workers


@dataclass(frozen=True, slots=True)
class _Doors:
    """Where callers come in, and administrators if they have a door of their own."""

    callers: socket.socket
    administrators: socket.socket | None

    def told(self, settings: Settings, lack: str | None) -> None:
        """Says where it serves, and what it lacks for it."""
        if not settings.admin.keys:
            err.print("gateway: the admin API is shut (admin.key is not set); use `gateway keys create`")
        err.print(f"gateway: serving on {address_of(self.callers)}", highlight=False)
        if self.administrators is not None:
            err.print(f"gateway: admin API on {address_of(self.administrators)}", highlight=False)
        if lack is not None:
            err.print(f"gateway: {lack}", highlight=False)

    def shut(self) -> None:
        self.callers.close()
        if self.administrators is not None:
            self.administrators.close()


def serve(
    config: ConfigFile = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, max=MOST_WORKERS, help="Processes; default: `workers` of the file.", show_default=False
        ),
    ] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; calls in flight are finished first."""
    settings = settings_of(config, **({} if workers is None else {"GATEWAY__WORKERS": str(workers)}))
    if settings.tuning:
        tune_memory()
    lack = too_few(open_files())
    if settings.workers == 1:
        uvloop.run(_serve(settings, lack))
        return
    if settings.tuning:
        tune_collector()
    with _doors(settings) as doors:
        work = _Work(settings, doors)
        raise typer.Exit(
            run_workers(settings.workers, work, opened=lambda: doors.told(settings, lack), shut=doors.shut)
        )


async def _serve(settings: Settings, lack: str | None) -> None:
    """All of a gateway of one process."""
    with on_signals() as stop, _doors(settings) as doors:
        async with house.running(settings) as running:
            doors.told(settings, lack)
            await _answer(running, doors, stop, settings)


@dataclass(frozen=True, slots=True)
class _Work:
    """What each worker does."""

    settings: Settings
    doors: _Doors

    def __call__(self, berth: Berth) -> int:
        try:
            with told():
                uvloop.run(self._serve(berth))
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    async def _serve(self, berth: Berth) -> None:
        siblings = Siblings(berth.worker, berth.directory, berth.orphaned)
        settings = share_of(self.settings, berth.worker)
        answers: dict[str, Answer] = {}
        with berth.orders() as orders:
            async with siblings.answered(answers):
                async with house.running(settings, siblings=siblings) as running:
                    answers.update(running.answers)
                    berth.came_up()
                    await orders.go.wait()
                    await _answer(running, self.doors, orders.stop, settings)
                await running.answers["numbers"]()  # up to the end: that outlives it


async def _answer(running: house.House, doors: _Doors, stop: asyncio.Event, settings: Settings) -> None:
    """Serves until it is to stop, and says what has to be waited for after that."""
    if settings.tuning:
        tune_collector()
    async with asyncio.TaskGroup() as group:
        group.create_task(serve_on(running.app, doors.callers, stop), name="callers")
        if doors.administrators is not None:
            group.create_task(serve_on(running.admin, doors.administrators, stop), name="administrators")
    if left := len(running.supervisor):
        err.print(f"gateway: waiting for {left} attempts in flight, as they may be billed; Ctrl-C leaves them")


@contextmanager
def _doors(settings: Settings) -> Iterator[_Doors]:
    with listen_on(settings.listen) as callers, _admin_listening(settings.admin) as administrators:
        yield _Doors(callers, administrators)


def _admin_listening(admin: Admin) -> AbstractContextManager[socket.socket | None]:
    return nullcontext() if admin.listen is None else listen_on(admin.listen)
