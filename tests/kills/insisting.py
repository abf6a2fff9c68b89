"""Callers who were promised something and insist on it, of whichever gateway there is."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.kills.home import Ask
from tests.kills.load import Load
from tests.kills.promises import DRAWN, UNSURE, Caller, again, broken, drawn_for

# None of them is drawn twice by itself, so that every picture on the bill is one that somebody asked for.
PROMPTS = (*("a boat",) * 4, "a boat [sim:busy@Default]", "a boat [sim:error@Default]")


@dataclass
class Insisting(Load):
    """Each asks for a picture, or a job, under an Idempotency-Key until that is over, and then for the next."""

    _asked: list[Caller] = field(default_factory=list)
    _waiting: list[Caller] = field(default_factory=list)
    _stand: dict[str, str] = field(default_factory=dict)  # by key, of those that are over

    def call_on_and_on(self) -> None:
        while not self.stopped:
            with suppress(httpx2.TransportError):  # the gateway died
                if not self._waiting:
                    self._waiting.append(Caller.new(self.url, self._wish()))
            with suppress(IndexError):  # another was faster
                self._insist(self._waiting.pop())
            time.sleep(0.01)

    def finish(self) -> None:
        stand = again(self._waiting, self.url)
        self._stand |= {each.key_id: stands for each, stands in zip(self._waiting, stand, strict=True)}
        self._asked += self._waiting

    def broken(self, raw: Any, bill: list[dict[str, Any]]) -> list[str]:
        drawn, found = drawn_for(raw, bill), list[str]()
        for each in self._asked:
            stands = self._stand[each.key_id]
            found += broken(each, drawn[each.key_id], stands, UNSURE if stands == UNSURE else DRAWN)
        return found

    def _insist(self, caller: Caller) -> None:
        stands = None
        while stands is None and not self.stopped:
            with suppress(httpx2.TransportError):
                stands = caller.stands(self.url)
            time.sleep(0.05)
        if stands is None:
            self._waiting.append(caller)
            return
        self._stand[caller.key_id] = stands
        self._asked.append(caller)
        self.answered += stands == DRAWN

    def _wish(self) -> Ask:
        prompt, later = self.dice.choice(PROMPTS), self.dice.random() < 0.5
        return Ask(prompt, pictures=self.dice.choice((1, 1, 2)), later=later)
