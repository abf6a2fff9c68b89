"""Addresses of pictures, for answers that name them, and the route at which they are fetched without a key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.core.call import Call
from gateway.core.errors import NotFound
from gateway.core.links import Link, Links
from gateway.vault.errors import NoSuchResult
from gateway.web.downloads import answered
from gateway.web.fetching import PICTURE
from gateway.web.kept_calls import KeptCalls
from gateway.web.problems import Problem
from gateway.web.request import origin_of

_PICTURES = "/gateway/pictures/"


@dataclass(frozen=True, slots=True)
class Addresses:
    """`public_url` None: addresses are on whatever host the request named."""

    links: Links
    public_url: str | None

    def on(self, scope: Mapping[str, Any], headers: Mapping[str, str]) -> Callable[[Call, int], str] | None:
        """What gives the addresses of pictures to whoever has sent this, as in `Call`; None: no host is known."""
        origin = origin_of(scope, headers, self.public_url)
        if origin is None:
            return None

        def address(call: Call, number: int) -> str:
            link = Link.made(call.key.team, call.id, number, call.made_at)
            return f"{origin}{_PICTURES}{self.links.token(link)}"

        return address


def router(links: Links, calls: KeptCalls) -> APIRouter:
    routes = APIRouter(tags=["pictures"])

    @routes.head(_PICTURES + "{token}", include_in_schema=False)
    @routes.get(
        _PICTURES + "{token}",
        summary="The picture that an answer with response_format url has named; for an hour",
        response_class=Response,
        responses=PICTURE,
    )
    async def get_linked(request: Request, token: str) -> Response:
        now = calls.today()
        link = links.read(token, now)
        kept = link and await calls.find(link.call_id, link.team)
        if not link or not kept:
            raise _absent()
        try:
            linked = replace(kept, lasts_s=min(kept.lasts_s, link.ends_at - now))
            return await answered(await linked.picture(link.number), request)
        except (NotFound, NoSuchResult):
            raise _absent() from None

    return routes


def _absent() -> Problem:
    return Problem(404, "There is no picture at this address, or not any more: an address is good for an hour.")
