"""One caller and what it is told: from waiting for an answer to its last byte, or to the error in its place."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from gateway.core.call import Call
from gateway.core.errors import CallerLeft, GatewayError, InternalError, StillDrawing
from gateway.dialects.base import Dialect, Gathering, Passing
from gateway.relay.servings import Serving
from gateway.relay.stream import deliver
from gateway.relay.vigil import Pulse, Sink, Vigil

T = TypeVar("T")


@dataclass(slots=True)
class End:
    """How it ended: `told` says whether the caller has everything there is for it, an error perhaps."""

    status: int = 200
    code: str = "ok"
    told: bool = True
    error: GatewayError | None = None  # told behind the beginning of an answer

    @property
    def delivered(self) -> bool:
        return self.told and self.status == 200 and self.code == "ok"


class _Head:
    """The head of whatever is served by then."""

    def __init__(self) -> None:
        self.told: Callable[[], Mapping[str, str]] = dict

    def __call__(self) -> Mapping[str, str]:
        return self.told()


class Visit:
    """`end` is right when `serve` has returned or raised."""

    def __init__(self, call: Call, dialect: Dialect, sink: Sink, pulse: Pulse, now: Callable[[], float]) -> None:
        self.call = call
        self.end = End()
        self._dialect = dialect
        self._sink = sink
        self._pulse = pulse
        self._now = now
        self._writing: tuple[Passing | Gathering, Vigil] | None = None
        self._head = _Head()

    async def wait(self, coming: "asyncio.Future[T]", answers: Call) -> T:
        """What comes for the caller, whose line is kept warm; raises as `serve` does."""
        _, vigil = self._begun(answers)
        try:
            await vigil.until([coming])
            return coming.result()
        except CallerLeft:
            self._left()
            raise
        except GatewayError as error:
            self._failed(error)
            raise

    async def serve(self, serving: Serving) -> None:
        """Writes the answer. Raises `GatewayError` while nothing has been sent yet."""
        end = self.end
        self._head.told = serving.head
        writer, vigil = self._begun(serving.call)
        try:
            if error := await deliver(serving.sources, writer, self._sink, vigil, serving.head, serving.kept):
                end.error, end.code, end.told = error, error.code, not isinstance(error, StillDrawing)
        except CallerLeft:
            self._left()
        except GatewayError as error:
            self._failed(error)
            if isinstance(error, StillDrawing):
                error.retry_after_s = serving.again_s()
                await serving.deferred()
            raise
        except BaseException:
            end.status, end.code, end.told = InternalError.status, InternalError.code, False
            raise
        finally:
            end.told = end.told and not self._sink.gone.done()
            serving.over(delivered=end.told)

    def _left(self) -> None:
        self.end.status, self.end.code, self.end.told = 499, "caller_left", False

    def _failed(self, error: GatewayError) -> None:
        self.end.status, self.end.code = self._dialect.error(error)[0], error.code
        self.end.told = not isinstance(error, StillDrawing)

    def _begun(self, answers: Call) -> tuple[Passing | Gathering, Vigil]:
        """What writes the answer. One that has begun is ended by what began it, whichever call it then answers."""
        if self._writing is None or not self._sink.started:
            asked = self.call
            if answers is not asked:
                asked = replace(asked, id=answers.id, made_at=answers.made_at)
            writer = self._dialect.writer(asked)
            self._writing = (writer, Vigil(asked, writer, self._sink, self._pulse, now=self._now, head=self._head))
        return self._writing
