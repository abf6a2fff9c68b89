"""Callers' routes: plain ASGI ahead of the framework, which serves everything else."""

from typing import Any

from gateway.dialects import routes
from gateway.web.request import Scope
from gateway.web.visit import Desk, Visit


class Public:
    def __init__(self, app: Any, desk: Desk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not routes.for_callers(scope["path"]):
            await self._app(scope, receive, send)
            return
        visit = Visit(self._desk, scope, receive, send)
        await visit.answer()
