"""The routes by which what is kept of a call is fetched: the same for the holder of a key and for administration."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from gateway.dialects.places import SUFFIXES
from gateway.web.downloads import answered
from gateway.web.kept import Kept
from gateway.web.problems import DESCRIBED, as_problem

# What a call is that somebody asks for, if it is theirs.
Find = Callable[[Request, str], Awaitable[Kept]]

Number = Annotated[int, Path(description="Which picture of the call, from 1 on.")]
WhichPicture = Annotated[int | None, Query(description="Which picture's, where several were asked for; from 1 on.")]

_BYTES = {"schema": {"type": "string", "format": "binary"}}
_OTHERS: dict[int | str, dict[str, Any]] = {
    **DESCRIBED,
    206: {"description": "The part that Range asks for."},
    304: {"description": "If-None-Match has it."},
    410: {"description": "It is kept no more."},
    416: {"description": "There is nothing of what Range asks for."},
}

# How a picture is described.
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The picture.", "content": dict.fromkeys(SUFFIXES, _BYTES)},
    **_OTHERS,
}

# The framework would take it for JSON of ours.
REPLY: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The very bytes, as the provider documents them: JSON, or events where they were streamed.",
        "content": {"*/*": _BYTES},
    },
    **_OTHERS,
}


def add(routes: APIRouter, find: Find) -> None:
    place = "/calls/{call_id}/pictures/{number}"

    @routes.head(place, include_in_schema=False)
    @routes.get(place, summary="A picture of a call, while it is kept", response_class=Response, responses=PICTURE)
    async def get_picture(request: Request, call_id: str, number: Number) -> Response:
        kept = await find(request, call_id)
        return await answered(await kept.picture(number), request)

    @routes.head("/calls/{call_id}/result", include_in_schema=False)
    @routes.get(
        "/calls/{call_id}/result",
        summary="The upstream's reply to a call as it came, while it is kept",
        response_class=Response,
        responses=REPLY,
    )
    async def get_result(request: Request, call_id: str, picture: WhichPicture = None) -> Response:
        kept = await find(request, call_id)
        with as_problem():
            reply = kept.reply(picture)
        return await answered(reply, request)
