"""Who may come in: every form of a credential on every route, and what whoever has none is told there."""

import time

import httpx2
import pytest

from gateway.core.keys import Limits
from gateway.ledger.keys import Keys, pepper
from tests.house import ADMIN_KEY, Gateway
from tests.waiting import eventually
from tests.web.ways import LOCAL, RELAYED, WAYS, Refusal, Way, refusal_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

MISSING = Refusal((403, "PERMISSION_DENIED", "API_KEY_MISSING"), (401, "invalid_request_error", "invalid_api_key"))
UNKNOWN = Refusal((400, "INVALID_ARGUMENT", "API_KEY_INVALID"), (401, "invalid_request_error", "invalid_api_key"))

FORMS = {
    "bearer": {"authorization": "Bearer {}"},
    "bearer in small letters": {"authorization": "bearer {}"},
    "google's header": {"x_goog_api_key": "{}"},
    "azure's header": {"api_key": "{}"},
    "anthropic's header": {"x_api_key": "{}"},
}

# One route of each family.
FAMILIES = ("generate", "images")

NO_CREDENTIAL = {
    "an empty bearer": {"authorization": "Bearer"},
    "another scheme": {"authorization": "Basic dXNlcjpwYXNz"},
}

NOT_A_KEY = {
    "a word": "secret",
    "cut short": "sk-gw-abc",
    "the admin's": ADMIN_KEY,
    "a reseller's": "sim-key-default",
    "not ASCII": "sk-gw-\u00fc",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", WAYS)
async def test_every_form_of_a_credential_is_taken_on_every_route(
    shared: Gateway, stranger: httpx2.AsyncClient, name: str, form: str
) -> None:
    headers = {header: text.format(shared.secret) for header, text in FORMS[form].items()}
    answer = await WAYS[name].go(stranger, **headers)
    assert answer.status_code == 200
    assert shared.secret not in answer.text


@pytest.mark.parametrize("name", WAYS)
async def test_a_key_in_the_query_is_taken_on_every_route(
    shared: Gateway, stranger: httpx2.AsyncClient, name: str
) -> None:
    way = WAYS[name]
    mark = "&" if "?" in way.path else "?"
    with_key = Way(way.method, f"{way.path}{mark}key={shared.secret}", way.body, way.gemini)
    assert (await with_key.go(stranger)).status_code == 200


@pytest.mark.parametrize("name", WAYS)
async def test_without_a_key_the_caller_is_told_so(stranger: httpx2.AsyncClient, name: str) -> None:
    _is_refused(await WAYS[name].go(stranger), WAYS[name], MISSING)


@pytest.mark.parametrize("what", NO_CREDENTIAL)
@pytest.mark.parametrize("name", FAMILIES)
async def test_what_holds_no_key_is_none(stranger: httpx2.AsyncClient, name: str, what: str) -> None:
    _is_refused(await WAYS[name].go(stranger, **NO_CREDENTIAL[what]), WAYS[name], MISSING)


@pytest.mark.parametrize("name", WAYS)
async def test_an_unknown_key_is_refused(stranger: httpx2.AsyncClient, name: str) -> None:
    way = WAYS[name]
    _is_refused(await way.go(stranger, **_in_the_familys_header("sk-gw-" + "A" * 43, way)), way, UNKNOWN)


@pytest.mark.parametrize("what", NOT_A_KEY)
@pytest.mark.parametrize("name", FAMILIES)
async def test_what_does_not_look_like_a_key_is_refused_and_not_repeated(
    stranger: httpx2.AsyncClient, name: str, what: str
) -> None:
    way = WAYS[name]
    answer = await way.go(stranger, **_in_the_familys_header(NOT_A_KEY[what], way))
    _is_refused(answer, way, UNKNOWN)
    assert NOT_A_KEY[what] not in answer.text


@pytest.mark.parametrize("name", WAYS)
async def test_an_expired_key_is_refused(shared: Gateway, stranger: httpx2.AsyncClient, name: str) -> None:
    _, secret = await shared.new_key(Limits(expires_at=time.time() - 1))
    way = WAYS[name]
    _is_refused(await way.go(stranger, **_in_the_familys_header(secret, way)), way, UNKNOWN)


@pytest.mark.parametrize("name", WAYS)
async def test_a_revoked_key_is_refused_at_once(shared: Gateway, stranger: httpx2.AsyncClient, name: str) -> None:
    key, secret = await shared.new_key(Limits())
    way = WAYS[name]
    headers = _in_the_familys_header(secret, way)
    assert (await way.go(stranger, **headers)).status_code == 200
    await shared.running.ledger.keys.revoke(key.id, time.time())
    _is_refused(await way.go(stranger, **headers), way, UNKNOWN)


async def test_a_key_revoked_by_another_replica_spends_nothing_more_and_soon_sees_nothing_more(
    shared: Gateway, stranger: httpx2.AsyncClient
) -> None:
    key, secret = await shared.new_key(Limits())
    relayed, local = RELAYED["images"], LOCAL["openai models"]
    headers = {"authorization": f"Bearer {secret}"}
    assert (await local.go(stranger, **headers)).status_code == 200
    another = Keys(shared.running.ledger.store, pepper(shared.log.parent / "data", None))
    await another.revoke(key.id, time.time())
    _is_refused(await relayed.go(stranger, **headers), relayed, UNKNOWN)

    async def is_refused() -> bool:
        return (await local.go(stranger, **headers)).status_code == 401

    await eventually(is_refused)


def _in_the_familys_header(secret: str, way: Way) -> dict[str, str]:
    return {"x_goog_api_key": secret} if way.gemini else {"authorization": f"Bearer {secret}"}


def _is_refused(answer: httpx2.Response, way: Way, told: Refusal) -> None:
    assert refusal_of(answer, gemini=way.gemini) == (told.gemini if way.gemini else told.openai)
    assert answer.headers["x-gateway-billed"] == "no"
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after" not in answer.headers
