"""The gateway's own routes answer what their description says, and nothing that is not in it."""

import json
from typing import Any

import httpx2
import jsonschema
import pytest

from gateway.ledger import writes
from tests.house import Gateway
from tests.ledger.accounts import USD, charge, operator
from tests.web.description import Document, answers, nodes
from tests.web.office import DRILLS, KEYS, TEAMS, USAGE, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEDGER = "/admin/api/ledger"
KEY, TEAM, DRILL = f"{KEYS}/{{key_id}}", f"{TEAMS}/{{team_id}}", f"{DRILLS}/{{drill_id}}"
ADJUSTMENTS = f"{KEY}/adjustments"
UNSETTLED = f"{LEDGER}/unsettled"

# Every route that answers in JSON, but for callers' calls, with what is sent, in an order in which each has something
# to tell.
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
    ("POST", ADJUSTMENTS, {"usd": "1", "why": "forgotten"}),
    ("GET", USAGE, None),
    ("GET", f"{USAGE}?by=day,team,key,model,size,group,route,hour", None),
    ("GET", "/admin/api/waste", None),
    ("GET", "/admin/api/allowances", None),
    ("GET", "/admin/api/groups", None),
    ("GET", "/admin/api/calls", None),
    ("GET", "/admin/api/calls/{call_id}", None),
    ("GET", "/gateway/usage", None),
    ("GET", "/gateway/usage?by=model", None),
    ("GET", "/gateway/calls", None),
    ("GET", "/gateway/calls/{call_id}", None),
    ("GET", "/gateway/status", None),
    ("GET", "/gateway/jobs", None),
    ("GET", "/gateway/jobs/{job_id}", None),
    ("GET", "/admin/api/jobs", None),
    ("GET", "/admin/api/jobs/{job_id}", None),
    ("DELETE", "/gateway/jobs/{job_id}", None),
    ("GET", "/gateway/webhook-secret", None),
    ("DELETE", "/admin/api/jobs/{job_id}", None),
    ("GET", "/", None),
    ("GET", "/healthz", None),
    ("GET", "/readyz", None),
]


def strict(document: Document) -> jsonschema.protocols.Validator:
    """Checks values against the schemas of a description, of which each is to name everything that it tells."""
    told = json.loads(json.dumps(document))
    for node in nodes(told):
        if "properties" in node:
            node["additionalProperties"] = False
    return jsonschema.Draft202012Validator(told)


def wrong(checked: jsonschema.protocols.Validator, schema: Document, value: Any) -> list[str]:
    return [
        f"{each.json_path}: {each.message}"
        for each in checked.evolve(schema=checked.schema | schema).iter_errors(value)
    ]


def as_described(document: Document, method: str, path: str, status: int) -> Document:
    content = document["paths"][path.partition("?")[0]][method.lower()]["responses"][str(status)]["content"]
    schema: Document = content["application/json"]["schema"]
    return schema


async def test_every_answer_is_what_is_described_and_all_of_it(admin: httpx2.AsyncClient, shared: Gateway) -> None:
    document = (await admin.get("/openapi.json")).json()
    checked = strict(document)
    for number in (1, 2):
        feared = charge(USD, attempt_id=f"att_{number}")
        await operator(shared.running.ledger.books, feared, call_id="c", team="told", why=writes.UNSETTLED)
    for prompt in ("a boat [sim:busy@Default]", "a boat [sim:error]"):
        call_id = (await shared.native(prompt)).headers["x-gateway-call-id"]
    asked = {"model": "gemini-3-pro-image-preview", "prompt": "a boat"}
    later = [
        (await shared.http.post("/v1/images/generations", json=asked, headers={"prefer": "respond-async"})).json()["id"]
        for _ in range(2)
    ]
    ids = {"key_id": "", "drill_id": "", "job_id": later[0]}
    known = {"team_id": "told", "attempt": "att_1", "call_id": call_id, **ids}
    for method, path, sent in ASKED:
        body: dict[str, Any] = {"content": sent} if isinstance(sent, str) else {"json": sent}
        client = admin if path.startswith("/admin") else shared.http
        answer = await client.request(method, path.format(**known), **({} if sent is None else body))
        assert answer.is_success, answer.text
        schema = as_described(document, method, path, answer.status_code)
        assert wrong(checked, schema, answer.json()) == [], f"{method} {path}"
        if (method, path) in (("POST", KEYS), ("POST", DRILLS)):
            known["key_id" if path == KEYS else "drill_id"] = answer.json()["id"]
        if (method, path) == ("DELETE", "/gateway/jobs/{job_id}"):
            known["job_id"] = later[1]


async def test_what_is_not_described_would_be_found(admin: httpx2.AsyncClient) -> None:
    document = (await admin.get("/openapi.json")).json()
    schema = as_described(document, "GET", "/admin/api/groups", 200)
    group = {"name": "Default", "multiplier": "1"}
    faults = [
        wrong(strict(document), schema, {"groups": [each]})
        for each in (group, group | {"more": 1}, {"name": "Default"}, group | {"multiplier": 1.0})
    ]
    assert [bool(each) for each in faults] == [False, True, True, True]


async def test_every_answer_in_json_is_asked_for_here(admin: httpx2.AsyncClient) -> None:
    document = (await admin.get("/openapi.json")).json()
    answered = {(method.upper(), path) for method, path, _ in answers(document)}
    assert answered == {(method, path.partition("?")[0]) for method, path, _ in ASKED}


async def test_every_answer_in_json_has_its_fields_described(admin: httpx2.AsyncClient) -> None:
    document = (await admin.get("/openapi.json")).json()
    bare = [
        f"{method} {path}"
        for method, path, schema in answers(document)
        for each in schema.get("anyOf", [schema])
        if not document["components"]["schemas"].get(each.get("$ref", "").rpartition("/")[2], {}).get("properties")
    ]
    assert bare == []


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
