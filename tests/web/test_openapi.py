"""The description of the API: it names every route, and is what it says it is."""

import re
from typing import Any

import pytest
import pytest_asyncio

from tests.house import Gateway
from tests.web.description import Document, nodes, operations
from tests.web.office import ROUTES
from tests.web.ways import WAYS

pytestmark = pytest.mark.asyncio(loop_scope="module")

METHODS = {"get", "post", "patch", "delete"}

OPS = [
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/gateway/usage"),
    ("GET", "/gateway/status"),
    ("GET", "/gateway/calls"),
    ("GET", "/gateway/calls/{call_id}"),
    ("GET", "/gateway/jobs"),
    ("GET", "/gateway/jobs/{job_id}"),
    ("GET", "/gateway/jobs/{job_id}/result"),
    ("DELETE", "/gateway/jobs/{job_id}"),
    ("GET", "/gateway/webhook-secret"),
    ("GET", "/gateway/calls/{call_id}/pictures/{number}"),
    ("GET", "/gateway/calls/{call_id}/result"),
    ("GET", "/gateway/pictures/{token}"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def document(shared: Gateway) -> Document:
    answer = await shared.http.get("/openapi.json")
    assert answer.status_code == 200
    found: Document = answer.json()
    return found


async def test_it_names_every_route(document: Document) -> None:
    asked = [(way.method, way.path.partition("?")[0]) for way in WAYS.values()] + ROUTES + OPS
    shapes = {(method, re.sub(r"\{\w+\}", "[^/:]+", path)) for method, path, _ in operations(document)}
    # The path with /v1 is that with /v1beta, for SDKs that ask for it.
    missing = [
        (method, path)
        for method, path in asked
        if not any(method.lower() == known and re.fullmatch(shape, path) for known, shape in shapes)
        and not (path.startswith("/v1/models/") and ":" in path)
    ]
    assert missing == []


async def test_it_names_no_route_that_is_not_there(document: Document, shared: Gateway) -> None:
    for method, path, _ in operations(document):
        there = path.replace("{model}", "gpt").replace("{key_id}", "key_1")
        answer = await shared.http.request(method.upper(), there, json={})
        assert answer.status_code != 405
        assert "nothing at" not in answer.text
        assert '"detail":"Not Found"' not in answer.text


async def test_it_is_openapi_in_its_head(document: Document) -> None:
    assert document["openapi"].startswith("3.1.")
    assert document["info"].keys() >= {"title", "version"}
    assert document.keys() <= {"openapi", "info", "paths", "components", "tags", "servers"}


async def test_every_operation_is_complete(document: Document) -> None:
    for method, path, operation in operations(document):
        assert method in METHODS, path
        assert operation["summary"], path
        assert operation["tags"], path
        assert operation["responses"], path
        assert all("description" in each for each in operation["responses"].values()), path


async def test_every_parameter_of_a_path_is_described(document: Document) -> None:
    for _, path, operation in operations(document):
        described = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert described == set(re.findall(r"\{(\w+)\}", path))


async def test_no_two_operations_have_one_id(document: Document) -> None:
    ids = [operation["operationId"] for *_, operation in operations(document) if "operationId" in operation]
    assert len(ids) == len(set(ids))


async def test_every_reference_leads_somewhere(document: Document) -> None:
    for node in nodes(document):
        if isinstance(node.get("$ref"), str):
            found: Any = document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]


async def test_every_credential_that_is_asked_for_is_described(document: Document) -> None:
    described = document["components"]["securitySchemes"]
    for _, path, operation in operations(document):
        asked = {name for each in operation.get("security", ()) for name in each}
        assert asked <= set(described)
        assert bool(asked) == (path not in {path for _, path in OPS}), path


async def test_a_type_that_may_be_null_is_written_as_its_version_has_it(document: Document) -> None:
    assert not [node for node in nodes(document) if "nullable" in node]
