"""What a caller may ask about its own key, with that very key."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request

from gateway.core.keys import Key
from gateway.core.money import usd_of
from gateway.dialects.routes import credential
from gateway.ledger.budget import Books
from gateway.ledger.keys import Keys
from gateway.web.problems import Problem


def router(keys: Keys, books: Books, today: Callable[[], float]) -> APIRouter:
    routes = APIRouter(prefix="/gateway", tags=["own key"])

    async def own(request: Request) -> Key:
        secret = credential(request.headers, request.query_params)
        key = await keys.find(secret, today()) if secret else None
        if key is None or not key.live(today()):
            raise Problem(401, "Send your own key, as for any other call.")
        return key

    @routes.get("/usage", summary="What the key spent, and what is left of its budget")
    async def usage(request: Request) -> dict[str, Any]:
        key = await own(request)
        balance = await books.balance(key)
        return {
            "key_id": key.id,
            "team": key.team,
            "spent_usd": usd_of(balance.spent_nanos),
            "held_usd": usd_of(balance.held_nanos),
            "budget_usd": None if balance.budget_nanos is None else usd_of(balance.budget_nanos),
        }

    return routes
