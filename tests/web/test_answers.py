"""The admin API answers what its description says, and nothing that is not in it."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from gateway.ledger import writes
from tests.house import Gateway
from tests.ledger.accounts import USD, charge, operator
from tests.web.office import DRILLS, KEYS, TEAMS, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEDGER = "/admin/api/ledger"
KEY, TEAM, DRILL = f"{KEYS}/{{key_id}}", f"{TEAMS}/{{team_id}}", f"{DRILLS}/{{drill_id}}"
UNSETTLED = f"{LEDGER}/unsettled"

# Every route whose answer is described, with what is sent, in an order in which each has something to tell.
ASKED: list[tuple[str, str, Any]] = [
    ("POST", TEAMS, {"id": "told", "metadata": {"owner": "Zoë"}, "premium_hour_usd": "5"}),
    ("GET", TEAMS, None),
    ("GET", TEAM, None),
    ("PATCH", TEAM, {"budget_usd": "5"}),
    ("POST", KEYS, {"team": "told", "models": ["gemini-3-pro-image-preview"], "expires_in_s": 3600, "failover": "off"}),
    ("POST", f"{KEY}/rotate", {"overlap_s": 60}),
    ("GET", KEYS, None),
    ("GET", KEY, None),
    ("PATCH", KEY, {"name": "another", "max_multiplier": "1.4"}),
    ("DELETE", KEY, None),
    ("POST", DRILLS, {"group": "Default", "kind": "slow", "team": "told", "delay_s": 1}),
    ("GET", DRILLS, None),
    ("DELETE", DRILL, None),
    ("DELETE", TEAM, None),
    ("GET", f"{LEDGER}/verify", None),
    ("GET", UNSETTLED, None),
    ("POST", f"{LEDGER}/reconcile", "time,model,usd\n1700000000,gemini-3-pro-image-preview,0.05\n"),
    ("POST", f"{UNSETTLED}/{{attempt}}/resolve", {"billed": True}),
    ("GET", "/admin/api/audit", None),
]


def undescribed(schema: dict[str, Any], value: Any, document: dict[str, Any], place: str = "") -> Iterator[str]:
    """What of a value no schema tells of, or what a schema promises that is not in it."""
    if value is None and "anyOf" in schema:
        return
    (schema,) = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    within: list[tuple[str, dict[str, Any], Any]] = []
    if "properties" in schema:
        yield from (f"{place}.{name}" for name in set(schema["properties"]) ^ set(value))
        within = [(f".{name}", schema["properties"].get(name, {}), each) for name, each in value.items()]
    elif schema.get("type") == "object":
        within = [(f".{name}", schema["additionalProperties"], each) for name, each in value.items()]
    elif schema.get("type") == "array":
        within = [("[]", schema["items"], each) for each in value]
    for name, described, each in within:
        yield from undescribed(described, each, document, place + name)


async def test_every_answer_is_what_is_described_and_all_of_it(admin: httpx2.AsyncClient, shared: Gateway) -> None:
    document = (await admin.get("/openapi.json")).json()
    for number in (1, 2):
        feared = charge(USD, attempt_id=f"att_{number}")
        await operator(shared.running.ledger.books, feared, call_id="c", team="told", why=writes.UNSETTLED)
    known = {"team_id": "told", "attempt": "att_1", "key_id": "", "drill_id": ""}
    for method, path, sent in ASKED:
        body: dict[str, Any] = {"content": sent} if isinstance(sent, str) else {"json": sent}
        answer = await admin.request(method, path.format(**known), **({} if sent is None else body))
        assert answer.is_success, answer.text
        described = document["paths"][path][method.lower()]["responses"][str(answer.status_code)]
        schema = described["content"]["application/json"]["schema"]
        assert list(undescribed(schema, answer.json(), document)) == [], f"{method} {path}"
        assert "$ref" in schema
        if (method, path) in (("POST", KEYS), ("POST", DRILLS)):
            known["key_id" if path == KEYS else "drill_id"] = answer.json()["id"]


async def test_every_error_is_described_as_a_problem(admin: httpx2.AsyncClient) -> None:
    document = (await admin.get("/openapi.json")).json()
    operations = [
        (path, operation["responses"])
        for path, item in document["paths"].items()
        for operation in item.values()
        if path.startswith("/admin/api")
    ]
    assert operations
    for path, responses in operations:
        (schema,) = [each["schema"] for each in responses["default"]["content"].values()]
        assert "422" not in responses, path
        assert list(responses["default"]["content"]) == ["application/problem+json"]
        assert schema["required"] == ["type", "title", "status", "detail"]
    assert problem(await admin.get(f"{KEYS}/key_1"))[0] == 404
