"""Webhooks: how a receiver is told that a job is over, by what it knows that it is we who tell, and how often.

Signed as Standard Webhooks 1.0.0 has it (github.com/standard-webhooks/standard-webhooks), so that its libraries verify
it. A message comes at least once: each try has the same `webhook-id`. Pure.
"""

import base64
import hmac
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from gateway.core.reach import IP, Network, OutOfReach, Target, check, target_of

# After these tries in vain it is tried again: for seven hours and a half, of the day that the answer is kept.
_WAITS_S = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0)

# What a receiver asks for is done, up to this.
_MOST_AFTER_S = 3600.0

_GONE = 410

_PREFIX = "whsec_"
_MARK = b"webhook|"  # what is derived from the same pepper elsewhere begins otherwise


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to tell a receiver, begun at a date in seconds. `status` is of its answer; None: `why` there was none."""

    at: float
    took_ms: int
    status: int | None = None
    why: str | None = None
    after_s: int | None = None  # in so many seconds it wants to be asked again

    @property
    def ended_at(self) -> float:
        return self.at + self.took_ms / 1000

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Told(StrEnum):
    """How a webhook stands."""

    PENDING = "pending"  # it is tried again, or for the first time when the job is over
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a job's end is told, and what came of it; `next_at`: it is tried again then, None: not or not yet."""

    url: str
    deliveries: tuple[Delivery, ...] = ()
    next_at: float | None = None

    @property
    def state(self) -> Told:
        if self.next_at is not None or not self.deliveries:
            return Told.PENDING
        return Told.DELIVERED if self.deliveries[-1].taken else Told.FAILED

    @property
    def again_s(self) -> float | None:
        """In how many seconds after the last try it is tried again."""
        if self.next_at is None:
            return None
        return self.next_at - self.deliveries[-1].ended_at

    def after(self, delivery: Delivery) -> "Webhook":
        """How it stands when this has been tried too."""
        wait_s = _wait_s(delivery, len(self.deliveries))
        next_at = None if wait_s is None else delivery.ended_at + wait_s
        return replace(self, deliveries=(*self.deliveries, delivery), next_at=next_at)


@dataclass(frozen=True, slots=True)
class Receivers:
    """The hosts that may be told, in small letters, exactly; `*.example.org` is all below it, and `*` all.

    `networks` are private ones that they may be in, on any port and without TLS.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def target(self, url: str) -> Target:
        """A URL that may be told, as far as one can tell from it; raises `OutOfReach`."""
        target = target_of(url)
        if not any(_matches(target.host, host) for host in self.hosts):
            raise OutOfReach("has a host that is not in webhooks.hosts")
        if target.scheme != "https" and not self.networks:
            raise OutOfReach("is not an https address")
        return target

    def addresses(self, target: Target, found: Iterable[str]) -> list[IP]:
        """Which of what a host's name resolves to may be connected to; raises `OutOfReach`."""
        addresses = check(target, found, self.networks)
        if target.scheme != "https" and not all(self._private(each) for each in addresses):
            raise OutOfReach("is not an https address")
        return addresses

    def _private(self, address: IP) -> bool:
        return any(address in network for network in self.networks)


def secret_of(pepper: bytes, key_id: str, name: str) -> str:
    """What is shared with the receivers of a key, while its secret of this name is good."""
    derived = hmac.digest(pepper, _MARK + f"{key_id}|{name}".encode(), "sha256")
    return _PREFIX + base64.b64encode(derived).decode()


def headers(message_id: str, at: float, body: bytes, secrets: Collection[str]) -> dict[str, str]:
    """By which a receiver with any of the secrets (`whsec_…`) knows the message for ours, and for new."""
    seconds = str(int(at))
    signed = b".".join((message_id.encode(), seconds.encode(), body))
    signatures = (hmac.digest(_key_of(secret), signed, "sha256") for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(each).decode()}" for each in signatures),
    }


def message(job: Mapping[str, Any], ended_at: float) -> bytes:
    """What is told of a job that is over. `job` is as its key sees it."""
    at = datetime.fromtimestamp(ended_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": f"job.{job['state']}", "timestamp": at, "data": job}, separators=(",", ":")).encode()


def _wait_s(delivery: Delivery, before: int) -> float | None:
    """In how many seconds it is tried again after that many others; None: not."""
    if delivery.taken or delivery.status == _GONE or before >= len(_WAITS_S):
        return None
    return max(_WAITS_S[before], min(_MOST_AFTER_S, float(delivery.after_s or 0)))


def _key_of(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX))


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return pattern in ("*", host)
