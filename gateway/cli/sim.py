"""`gateway sim`: the simulator, as a seller of its own."""

import os
import signal
import sys
import threading
from typing import Annotated

import typer

from gateway.core.errors import BadRequest
from gateway.sim import app as simulator
from gateway.sim.latency import Lognormal, Usual, read_lognormal


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
