"""Messages to those who want to hear that a job is over."""

import asyncio
from collections.abc import Callable, Mapping

import httpx2

from gateway.core.reach import OutOfReach
from gateway.core.webhooks import Delivery, Receivers
from gateway.upstream.pinned import Pinned, resolve

# The receiver has the message then, or it is tried again. Standard Webhooks recommends 15 to 30 s.
PATIENCE_S = 15.0


class Teller:
    """`today` is the date in seconds, `now` a clock that measures."""

    def __init__(
        self,
        receivers: Receivers,
        today: Callable[[], float],
        now: Callable[[], float],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.receivers = receivers
        self._today = today
        self._now = now
        self._patience_s = patience_s
        self._pinned = Pinned(patience_s)

    async def tell(self, url: str, body: bytes, headers: Mapping[str, str]) -> Delivery:
        """Tries once, and says what came of it. Of an answer only its status is read."""
        at, begun = self._today(), self._now()
        status, after_s, why = None, None, None
        try:
            async with asyncio.timeout(self._patience_s):
                status, after_s = await self._post(url, body, headers)
        except OutOfReach as reason:
            why = f"the address {reason}"
        except TimeoutError:
            why = f"did not answer within {self._patience_s:g} s"
        except (httpx2.HTTPError, OSError) as error:
            why = f"cannot be reached: {type(error).__name__}"
        return Delivery(at, round((self._now() - begun) * 1000), status, why, after_s)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, int | None]:
        target = self.receivers.target(url)
        addresses = self.receivers.addresses(target, await resolve(target))
        told = {"content-type": "application/json", "user-agent": "nano-banana-gateway", **headers}
        async with self._pinned.ask("POST", target, addresses[0], told, body) as answer:
            after = answer.headers.get("retry-after", "")
            return answer.status_code, int(after) if after.isdecimal() else None
