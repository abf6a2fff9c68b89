"""A gateway whose clock runs so many times as fast: `app.running` and `app.serve` on such a loop, nothing replaced.

A process of its own. It says where it serves, and ends when its standard input does. Then it says how often
it stood still: a machine that is busy for a moment is away for so many times as long here.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway import app as house
from gateway.config.settings import Settings
from gateway.core.watch import STOOD_STILL_S
from gateway.listening import address_of, listen_on, on_signals, serve_on
from tests.house import Simulator, settings_for
from tests.incidents.clock import fast

_BEAT_S = 0.5
_CONNECT_S = 5.0


@dataclass(slots=True)
class Stillness:
    """How late it woke, in its own seconds: `stood_still` counts what the race holds to be more than waiting."""

    beats: int = 0
    worst_s: float = 0.0
    stood_still: int = 0

    async def watch(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            since = now()
            await asyncio.sleep(_BEAT_S)
            late_s = now() - since - _BEAT_S
            self.beats += 1
            self.worst_s = max(self.worst_s, late_s)
            self.stood_still += late_s > STOOD_STILL_S


async def _serve(settings: Settings, log: Path) -> Stillness:
    stillness = Stillness()
    now = asyncio.get_running_loop().time
    with on_signals() as stop, listen_on(settings.listen) as listening, log.open("w") as lines:
        async with house.running(settings, lines, now=now) as running:
            watch = asyncio.create_task(stillness.watch(), name="stillness")
            print(f"replica: {address_of(listening)}", flush=True)
            await serve_on(running.app, listening, stop)
            watch.cancel()
    return stillness


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--seller", required=True)
    words.add_argument("--store", required=True)
    words.add_argument("--secret", required=True)
    words.add_argument("--home", required=True, type=Path)
    words.add_argument("--speed", required=True, type=float)
    told = words.parse_args()
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    # To connect takes the machine's time and not the seller's, so the limit on it is in real seconds.
    timeouts = {"connect_s": _CONNECT_S * told.speed}
    settings = settings_for(Simulator(told.seller), told.home, store=told.store, secret=told.secret, timeouts=timeouts)
    with asyncio.Runner(loop_factory=fast(told.speed)) as runner:
        stillness = runner.run(_serve(settings, told.home / "gateway.log"))
    print(json.dumps(asdict(stillness)), flush=True)


if __name__ == "__main__":
    main()
