"""What both programs share: every call is made by the synchronous and by the asynchronous client, and told of.

A call is one function for both: `now` waits for what must be waited for, `listed` reads either kind of stream.
"""

import inspect
import io
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from PIL import Image

Call = Callable[[Any], Awaitable[None]]


async def now(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def listed(stream: Any) -> list[Any]:
    stream = await now(stream)
    return [each async for each in stream] if hasattr(stream, "__aiter__") else list(stream)


def size(picture: bytes) -> tuple[int, int]:
    """The real size of a picture: it is opened, and decoded to its end."""
    with Image.open(io.BytesIO(picture)) as image:
        image.load()
        return image.size


def expect(found: Any, wanted: Any) -> None:
    if found != wanted:
        raise ValueError(f"{found!r} is not {wanted!r}")


async def tell(version: str, calls: Mapping[str, Call], clients: Mapping[str, Any]) -> None:
    """Prints, as one JSON object, what became of each call with each client: "ok", or what went wrong."""
    outcomes = {
        name: {kind: await _outcome(call, client) for kind, client in clients.items()} for name, call in calls.items()
    }
    print(json.dumps({"version": version, "calls": outcomes}))


async def _outcome(call: Call, client: Any) -> str:
    try:
        await call(client)
    except Exception as error:  # whatever it is, it is what the table is to show
        return f"{type(error).__name__}: {error}"[:300]
    return "ok"
