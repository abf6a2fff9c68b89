"""What is decided about a call before the seller begins to work on it.

Whose it is, what it asks for, which fault befalls it, how long it takes, and the reply it will get:
all of it follows from the request, the settings, the schedule and the dice.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from gateway.sim import reply, script, seller, tables
from gateway.sim.ask import Ask
from gateway.sim.bill import SimKey
from gateway.sim.faults import FAULTS, Fault, Scene
from gateway.sim.native import Form, Head
from gateway.sim.reply import Reply
from gateway.sim.script import Schedule
from gateway.sim.seller import Complaint, Refused
from gateway.sim.settings import SimSettings
from gateway.sim.sheet import Sheet

_SILENCE_S = 900.0  # how long a hanging seller keeps a caller before it closes the connection itself

Read = Callable[[Request, bytes], Sheet]


@dataclass(frozen=True, slots=True)
class Turn:
    """One call, decided."""

    scene: Scene
    key: SimKey
    ask: Ask
    form: Form
    reply: Reply
    fault_name: str
    number: int  # a hash of the request

    @property
    def fault(self) -> Fault:
        return FAULTS[self.fault_name]


class Turns:
    """Takes requests one after the other, and throws the dice for each."""

    def __init__(self, settings: SimSettings, schedule: Schedule) -> None:
        self._settings = settings
        self._schedule = schedule
        self._taken = 0

    def key(self, request: Request) -> SimKey:
        """The key of a request, in whichever of three places it is; raises `Refused`."""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        given = (
            request.headers.get("x-goog-api-key")
            or request.query_params.get("key")
            or (bearer.strip() if scheme.lower() == "bearer" else "")
        )
        if given not in self._settings.keys:
            raise Refused(seller.BAD_KEY)
        return self._settings.keys[given]

    def decide(self, request: Request, body: bytes, *, call_id: str, read: Read) -> Turn:
        """What is to become of this request; raises `Refused`."""
        key = self.key(request)
        sheet = read(request, body)
        named = tables.find(sheet.model)
        if named is None or key.basis(named.model.price) is None:
            raise Refused(seller.no_channel(sheet.model, key.group))
        ask = sheet.read(named)
        self._taken += 1
        rolled = reply.dice(self._settings.seed, self._taken)
        fault_name = self._fault_name(request, ask, key.group, call_id, roll=rolled.random())
        fault = FAULTS[fault_name]
        latency_s = self._settings.latency.seconds(ask, rolled)
        wait_s = rolled.uniform(*fault.stuck_s) if fault.stuck_s else latency_s * fault.pace
        number = int.from_bytes(hashlib.sha256(body).digest())
        return Turn(
            scene=Scene(
                call_id=call_id,
                model=sheet.model,
                group=key.group,
                wait_s=self._settings.seconds(wait_s),
                latency_s=self._settings.seconds(latency_s),
                silence_s=self._settings.seconds(_SILENCE_S) or _SILENCE_S,
            ),
            key=key,
            ask=ask,
            form=sheet.form(Head(call_id, named.model.id, sheet.model, created=int(time.time()))),
            reply=fault.reply(reply.expected(ask, number)),
            fault_name=fault_name,
            number=number,
        )

    def _fault_name(self, request: Request, ask: Ask, group: str, call_id: str, *, roll: float) -> str:
        asked = request.headers.get("x-sim-fault") or script.directed(ask.steering, group, call_id)
        if asked and asked not in FAULTS:
            raise Refused(
                Complaint(400, f"no fault is called {asked}; there are {', '.join(FAULTS)}", type="sim_error")
            )
        return asked or self._schedule.fault(group, ask.model.id, now=time.monotonic(), roll=roll) or "none"
