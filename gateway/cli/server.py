"""Commands that serve: `serve`, `check`, and the simulator `sim`."""

import asyncio
import os
import signal
import socket
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer
import uvloop

from gateway import app as house
from gateway.cli.options import AsJson, ConfigFile, err, print_json, print_table, settings_of
from gateway.config.effective import effective
from gateway.config.settings import Admin, Settings
from gateway.core.errors import BadRequest
from gateway.sim import app as simulator
from gateway.sim.latency import Lognormal, Usual, read_lognormal


def add(app: typer.Typer) -> None:
    app.command("serve")(serve)
    app.command("check")(check)
    app.command("sim")(sim)


def serve(config: ConfigFile = None) -> None:
    """Serve until SIGTERM or Ctrl-C; calls in flight are finished first."""
    uvloop.run(_serve(settings_of(config)))


async def _serve(settings: Settings) -> None:
    with (
        house.on_signals() as stop,
        house.listen_on(settings.listen) as listening,
        _admin_listening(settings.admin) as admin_listening,
    ):
        async with house.running(settings) as running:
            if not settings.admin.keys:
                err.print("gateway: the admin API is shut (admin.key is not set); use `gateway keys create`")
            err.print(f"gateway: serving on {house.address_of(listening)}", highlight=False)
            async with asyncio.TaskGroup() as group:
                group.create_task(house.serve(running.app, listening, stop), name="callers")
                if admin_listening is not None:
                    err.print(f"gateway: admin API on {house.address_of(admin_listening)}", highlight=False)
                    group.create_task(house.serve(running.admin, admin_listening, stop), name="administrators")
            if left := len(running.supervisor):
                err.print(f"gateway: waiting for {left} attempts in flight, as they may be billed; Ctrl-C leaves them")


def _admin_listening(admin: Admin) -> AbstractContextManager[socket.socket | None]:
    return nullcontext() if admin.listen is None else house.listen_on(admin.listen)


def check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check the configuration and the store, and print what is in force and where each value came from."""
    settings = settings_of(config)
    uvloop.run(_check_store(settings))
    rows = effective(settings)
    if as_json:
        print_json([{"path": row.path, "value": row.shown, "origin": row.origin} for row in rows])
    else:
        print_table(("setting", "value", "from"), [(row.path, row.shown, row.origin) for row in rows])


async def _check_store(settings: Settings) -> None:
    async with house.ledger_of(settings) as ledger:
        await ledger.store.ping()


def sim(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8099,
    speed: Annotated[
        float, typer.Option(min=0, help="10 draws ten times faster than the real thing; 0 at once.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Decides latencies and faults by share.")] = 0,
    light: Annotated[bool, typer.Option("--light", help="Flat, small pictures: for tests.")] = False,
    latency: Annotated[
        str | None,
        typer.Option(
            metavar="LAW",
            help="Lognormal latencies in place of the usual: 512=6,1K=7,2K=12,4K=20,thinking=14,sigma=0.33 says the "
            "median seconds of each size, what hard thinking adds to them, and how far they spread.",
            show_default=False,
        ),
    ] = None,
    strict_signatures: Annotated[
        bool, typer.Option("--strict-signatures", help="Refuse earlier answers without their thought signatures.")
    ] = False,
    while_stdin: Annotated[
        bool, typer.Option("--while-stdin", help="End when standard input ends.", hidden=True)
    ] = False,
) -> None:
    r"""Serve a fake upstream that speaks as the reseller does, draws real pictures and keeps its own bill.

    Its keys are sim-key-default, sim-key-default-calls (billed by the call) and sim-key-enterprise. A prompt with
    \[sim:FAULT] or \[sim:FAULT@GROUP] in it meets that fault: hang never answers, late does after 200 to 600 s and is
    billed; /sim/status lists them all.

    An incident is switched on by a POST of rules to /sim/schedule and off by DELETE:
    \[{"fault": "hang", "group": "Default", "share": 0.5, "from_s": 0, "until_s": 60}]. The bill is at /sim/bill.
    """
    if while_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    settings = simulator.SimSettings(
        speed=speed,
        seed=seed,
        weight="light" if light else "real",
        latency=Usual() if latency is None else _lognormal(latency),
        strict_signatures=strict_signatures,
    )
    simulator.serve(settings, host, port)


def _lognormal(text: str) -> Lognormal:
    try:
        return read_lognormal(text)
    except ValueError as error:
        raise BadRequest(f"--latency: {error}") from None


def _end_with_stdin() -> None:
    """Whoever started this is gone when the pipe to it is: killed ones cannot say so themselves."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
