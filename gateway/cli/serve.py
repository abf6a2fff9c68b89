"""`gateway serve`: the gateway itself."""

import asyncio
import socket
from contextlib import AbstractContextManager, nullcontext

import uvloop

from gateway import app as house
from gateway.cli.options import ConfigFile, err, settings_of
from gateway.config.settings import Admin, Settings
from gateway.listening import address_of, listen_on, on_signals, serve_on
from gateway.tuning import tune_collector, tune_memory


def serve(config: ConfigFile = None) -> None:
    """Serve until SIGTERM or Ctrl-C; calls in flight are finished first."""
    settings = settings_of(config)
    if settings.tuning:
        tune_memory()
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    with (
        on_signals() as stop,
        listen_on(settings.listen) as listening,
        _admin_listening(settings.admin) as admin_listening,
    ):
        async with house.running(settings) as running:
            if not settings.admin.keys:
                err.print("gateway: the admin API is shut (admin.key is not set); use `gateway keys create`")
            err.print(f"gateway: serving on {address_of(listening)}", highlight=False)
            if settings.tuning:
                tune_collector()
            async with asyncio.TaskGroup() as group:
                group.create_task(serve_on(running.app, listening, stop), name="callers")
                if admin_listening is not None:
                    err.print(f"gateway: admin API on {address_of(admin_listening)}", highlight=False)
                    group.create_task(serve_on(running.admin, admin_listening, stop), name="administrators")
            if left := len(running.supervisor):
                err.print(f"gateway: waiting for {left} attempts in flight, as they may be billed; Ctrl-C leaves them")


def _admin_listening(admin: Admin) -> AbstractContextManager[socket.socket | None]:
    return nullcontext() if admin.listen is None else listen_on(admin.listen)
