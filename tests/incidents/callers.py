"""The callers: each a task of its own, in a process of their own, that sends at its moment and reads to the end.

What is to be sent comes as JSON lines in a file; when it begins, as a moment of the machine's monotonic clock on
standard input. What came of every call is written to another file as it comes, a JSON line each.
"""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import httpx2
import uvloop

# In seconds of the incident: a gateway has answered long before, if only with 504.
_PATIENCE_S = 800.0


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent, and what an answer with a picture has in it. `at` is in seconds of the incident."""

    number: int
    at: float
    url: str
    body: dict[str, Any]
    marker: str
    streamed: bool


@dataclass(frozen=True, slots=True)
class Came:
    """What came of it, by the caller's clock and the answer's head."""

    number: int
    sent_at: float
    done_at: float
    status: int
    picture: bool
    call_id: str
    group: str | None
    attempts: int | None
    why: str  # what was said instead of a picture


class Callers:
    def __init__(self, http: httpx2.AsyncClient, out: TextIO, began: float, speed: float) -> None:
        self._http = http
        self._out = out
        self._began = began
        self._speed = speed

    @property
    def now(self) -> float:
        return (time.monotonic() - self._began) * self._speed

    async def send(self, call: Call) -> None:
        await asyncio.sleep((call.at - self.now) / self._speed)
        sent_at = self.now
        try:
            answer = await self._http.post(call.url, json=call.body)
        except httpx2.HTTPError as error:
            came = Came(call.number, sent_at, self.now, 0, False, "", None, None, repr(error))
        else:
            came = self._came(call, sent_at, answer)
        self._out.write(json.dumps(asdict(came)) + "\n")

    def _came(self, call: Call, sent_at: float, answer: httpx2.Response) -> Came:
        head, text = answer.headers, answer.text
        picture = answer.status_code == 200 and call.marker in text and '"error"' not in text
        attempts = head.get("x-gateway-attempts")
        return Came(
            number=call.number,
            sent_at=sent_at,
            done_at=self.now,
            status=answer.status_code,
            picture=picture,
            call_id=head.get("x-gateway-call-id", ""),
            group=head.get("x-gateway-group"),
            attempts=None if attempts is None else int(attempts),
            why="" if picture else text[-600:],
        )


async def _play(calls: list[Call], out: TextIO, secret: str, speed: float) -> None:
    print("callers: ready", flush=True)
    began = float(sys.stdin.readline())
    headers = {"authorization": f"Bearer {secret}"}
    # A gateway closes what is idle after 75 of its own seconds: nobody here waits for that.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=50, keepalive_expiry=30.0 / speed)
    patience_s = _PATIENCE_S / speed
    async with (
        httpx2.AsyncClient(headers=headers, limits=limits, timeout=patience_s, trust_env=False) as http,
        asyncio.TaskGroup() as group,
    ):
        callers = Callers(http, out, began, speed)
        for call in calls:
            group.create_task(callers.send(call), name=f"caller {call.number}")


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("calls", type=Path)
    words.add_argument("came", type=Path)
    words.add_argument("--secret", required=True)
    words.add_argument("--speed", required=True, type=float)
    told = words.parse_args()
    calls = [Call(**json.loads(line)) for line in told.calls.read_text().splitlines()]
    with told.came.open("w") as out:
        uvloop.run(_play(calls, out, told.secret, told.speed))


if __name__ == "__main__":
    main()
