"""Callers of a gateway that go on and on."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.kills.home import Ask
from tests.waiting import PATIENCE_S

PROMPTS = (
    *("a boat",) * 8,
    "a boat [sim:busy@Default]",
    "a boat [sim:error@Default]",
    "a boat [sim:slow@Default]",
    "a boat [sim:text-only]",
    "a boat [sim:cut]",
)


@dataclass
class Load:
    """Callers that go on and on, natively and in OpenAI's format, until they are told to stop."""

    secret: str
    callers: int
    url: str = ""
    dice: random.Random = field(default_factory=random.Random)
    answered: int = 0
    stopped: bool = False
    _threads: list[threading.Thread] = field(default_factory=list)

    @contextmanager
    def on(self) -> Iterator[None]:
        self.stopped = False
        self._threads = [threading.Thread(target=self.call_on_and_on) for _ in range(self.callers)]
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self.stopped = True
            for thread in self._threads:
                thread.join()

    def finish(self) -> None:
        """Whoever waits for something has it before this returns."""

    def broken(self, raw: Any, bill: list[dict[str, Any]]) -> list[str]:
        """What was promised and is not so; `raw` is a client of the store that decodes what it reads."""
        return []

    def call_on_and_on(self) -> None:
        """What one of the callers does."""
        with httpx2.Client(trust_env=False, timeout=PATIENCE_S) as http:
            while not self.stopped:
                with suppress(httpx2.TransportError):
                    if self._ask().post(http, self.url, self.secret).status_code == 200:
                        self.answered += 1
                time.sleep(0.01)

    def _ask(self) -> Ask:
        prompt, native = self.dice.choice(PROMPTS), self.dice.random() < 0.5
        return Ask(prompt, native=native, pictures=1 if native else self.dice.choice((1, 1, 2)))
