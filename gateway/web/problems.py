"""Errors of the gateway's own API as RFC 9457 problem details."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway.core.errors import BadRequest, GatewayError
from gateway.core.headers import RETRY_AFTER

PROBLEM = "application/problem+json"


# How every error of these routes is described.
DESCRIBED: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457); `detail` says what to do.",
        "content": {
            PROBLEM: {
                "schema": {
                    "type": "object",
                    "required": ["type", "title", "status", "detail"],
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                    },
                }
            }
        },
    }
}


class Problem(Exception):
    """A refusal of the admin or own-key API; `detail` says what to do."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] = {}) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


@contextmanager
def as_problem() -> Iterator[None]:
    """A value that makes no sense is 422 here, as the framework has it for the shapes it checks itself."""
    try:
        yield
    except BadRequest as error:
        raise Problem(422, f"{error.param}: {error.message}") from None


def install(app: FastAPI) -> None:
    """Has every error of the framework's routes told as a problem."""

    async def problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return _response(error.status, error.detail, dict(error.headers))

    async def ours(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, GatewayError)
        headers = {} if error.retry_after_s is None else {RETRY_AFTER: str(error.retry_after_s)}
        return _response(error.status, error.message, headers)

    async def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return _response(error.status_code, str(error.detail), dict(error.headers or {}))

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return _response(422, "; ".join(f"{_place(row)}: {row['msg']}" for row in error.errors()))

    async def bug(_: Request, __: Exception) -> JSONResponse:
        return _response(500, "The gateway failed; its log says why.")

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(GatewayError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, bug)


def _place(row: dict[str, Any]) -> str:
    """Where a mistake is: the field's name, or the body where that is no JSON at all."""
    names = [str(place) for place in row["loc"][1:]]
    return ".".join(names) if names and row["type"] != "json_invalid" else "body"


def _response(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    if status == 401:
        headers = {**(headers or {}), "www-authenticate": "Bearer"}
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    return JSONResponse({**body, "detail": detail}, status_code=status, headers=headers, media_type=PROBLEM)
