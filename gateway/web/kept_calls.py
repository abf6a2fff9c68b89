"""Whose answers are kept, and what is told to whoever asks for one that is not."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gateway.core.call import request_of
from gateway.core.errors import AnswerGone, CallerError, GatewayBusy, GatewayError, NotFound
from gateway.core.past import PastCall, State
from gateway.ledger.calls import PastCalls
from gateway.vault.records import Result
from gateway.vault.results import Results
from gateway.web.kept import Kept

# An answer is kept when its caller has all of it, or has left. So long it is not held to be gone.
_KEPT_WITHIN_S = 10.0


class NotOver(CallerError):
    status = 409
    google_status = "FAILED_PRECONDITION"
    code = "call_not_over"
    reason = "CALL_NOT_OVER"
    retry_after_s = 1


async def looked_for(results: Results, team: str, name: str, now: float) -> Result | None:
    """What the vault has of a team under a name. Raises `GatewayBusy` where nobody can look."""
    try:
        return await results.find(team, name, now)
    except OSError:
        raise GatewayBusy("What is kept of calls cannot be read at the moment; try again.") from None


@dataclass(frozen=True, slots=True)
class KeptCalls:
    """The answers in the vault, beside the calls that they are of."""

    past: PastCalls
    results: Results
    today: Callable[[], float]

    async def of_key(self, call_id: str, *, team: str, key_id: str) -> Kept:
        """What is kept of a key's call; one that is not its own is as absent as one that never was.

        Raises `NotFound`, `NotOver`, `AnswerGone`, `BooksAway` and `GatewayBusy`.
        """
        kept = await self.find(call_id, team)
        if kept is not None and kept.result.key_id == key_id:
            return kept
        raise self._lack(call_id, await self._call(call_id, team, key_id))

    async def of_any(self, call_id: str) -> Kept:
        """The same, whosever it is."""
        call = await self._call(call_id, None, None)
        kept = await self.find(call_id, call.team)
        if kept is None:
            raise self._lack(call_id, call)
        return kept

    async def find(self, call_id: str, team: str) -> Kept | None:
        """What is kept of a call of this team, whatever the books say. Raises `GatewayBusy` where nobody can look."""
        now = self.today()
        request, _ = request_of(call_id)
        result = await looked_for(self.results, team, request, now)
        if result is None:
            return None
        kept = Kept(call_id, result, self.results, result.expires_at - now)
        return kept if kept.replies else None

    async def document(self, call: PastCall) -> dict[str, Any] | None:
        """What is kept of a call; None: nothing, as far as anybody can see."""
        with suppress(GatewayBusy):
            kept = await self.find(call.id, call.team)
            return kept.document() if kept else None
        return None

    async def _call(self, call_id: str, team: str | None, key_id: str | None) -> PastCall:
        """Of a request for several pictures the first one's."""
        try:
            return await self.past.find(call_id, team=team, key_id=key_id)
        except NotFound as absent:
            try:
                return await self.past.find(f"{call_id}.1", team=team, key_id=key_id)
            except NotFound:
                raise absent from None

    def _lack(self, call_id: str, call: PastCall) -> GatewayError:
        """Why nothing is kept of it."""
        if call.state is State.VOIDED:
            return AnswerGone(f"Call {call_id} ended without an answer, and was not charged.")
        ended_at = call.at + (call.took_ms or 0) / 1000
        if call.state is State.OPEN or (call.state is State.SETTLED and self.today() - ended_at < _KEPT_WITHIN_S):
            return NotOver(f"Call {call_id} is still being drawn, or just being kept; ask again.")
        return AnswerGone(
            f"The answer of call {call_id} is kept no more. Answers are kept for 15 minutes where there is room, and "
            "for a day where they were asked for with an Idempotency-Key or by address."
        )
