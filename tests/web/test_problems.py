"""Errors of the gateway's own API that no request should be able to cause."""

import httpx2
from fastapi import FastAPI

from gateway.core.errors import BooksAway
from gateway.web import problems


def failing(error: Exception) -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def fails() -> None:
        raise error

    return app


async def answer_to(error: Exception) -> httpx2.Response:
    transport = httpx2.ASGITransport(failing(error), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as http:
        return await http.get("/")


async def test_a_bug_is_a_problem_that_says_nothing_of_itself() -> None:
    answer = await answer_to(KeyError("secret"))
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The gateway failed; its log says why.",
    }


async def test_an_error_of_ours_keeps_its_status_its_words_and_when_to_try_again() -> None:
    answer = await answer_to(BooksAway("the books are away"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["detail"] == "the books are away"
