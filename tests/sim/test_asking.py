"""What the seller takes, what it refuses and what it silently drops."""

import base64
from typing import Any

import pytest

from tests.sim.conftest import DEFAULT, NB1, NB2, PRO, Caller, pictures, reference

_BODY = {"contents": [{"parts": [{"text": "A heron"}]}]}


def _with(part: dict[str, Any]) -> dict[str, Any]:
    return {"contents": [{"parts": [part]}]}


@pytest.mark.parametrize(
    "credential",
    [{"authorization": f"Bearer {DEFAULT}"}, {"authorization": f"bearer {DEFAULT}"}, {"x-goog-api-key": DEFAULT}],
    ids=str,
)
def test_a_key_is_taken_from_either_header(sim: Caller, credential: dict[str, str]) -> None:
    reply = sim.http.post(f"/v1/models/{NB2}:generateContent", json=_BODY, headers=credential)
    assert reply.status_code == 200


def test_a_key_is_taken_from_the_query(sim: Caller) -> None:
    reply = sim.http.post(f"/v1beta/models/{NB2}:generateContent", params={"key": DEFAULT}, json=_BODY)
    assert reply.status_code == 200


@pytest.mark.parametrize("key", ["", "sk-wrong"])
def test_a_wrong_key_is_refused_in_the_sellers_words(sim: Caller, key: str) -> None:
    reply = sim.http.post(f"/v1/models/{NB2}:generateContent", json=_BODY, headers={"x-goog-api-key": key})
    error = reply.json()["error"]
    assert (reply.status_code, error["type"]) == (401, "shell_api_error")
    assert error["message"].startswith("无效的令牌 (request id: ")


@pytest.mark.parametrize("model", ["gpt-image-1", f"{NB2}-8k", f"{NB2}-4K", f"{PRO}-512", f"{NB1}-1k"])
def test_a_model_that_is_not_sold_has_no_channel(sim: Caller, model: str) -> None:
    reply = sim.ask(model=model)
    assert reply.status_code == 503
    message = reply.json()["error"]["message"]
    assert message.startswith(f"no available channel for model {model} under group Default")


@pytest.mark.parametrize(
    ("model", "config"),
    [
        (NB2, {"imageConfig": {"imageSize": "1k"}}),
        (NB2, {"imageConfig": {"imageSize": "8K"}}),
        (NB2, {"imageConfig": {"imageSize": 512}}),
        (NB2, {"imageConfig": {"aspectRatio": "7:3"}}),
        (PRO, {"imageConfig": {"imageSize": "512"}}),
        (PRO, {"imageConfig": {"aspectRatio": "1:8"}}),
        (NB1, {"imageConfig": {"imageSize": "1K"}}),
        (NB1, {"imageConfig": {"aspectRatio": "4:1"}}),
        (NB2, {"candidateCount": 2}),
        (NB2, {"responseModalities": ["AUDIO"]}),
        (NB2, {"thinkingConfig": {"thinkingLevel": "deep"}}),
        (NB2, {"thinkingConfig": {"thinkingLevel": "high", "thinkingBudget": 100}}),
    ],
    ids=str,
)
def test_an_option_the_model_lacks_is_googles_400(sim: Caller, model: str, config: dict[str, Any]) -> None:
    reply = sim.ask(model=model, **config)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "upstream_error")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"contents": []},
        {"contents": {"parts": [{"text": "A single object, not a list"}]}},
        {"contents": [{"parts": []}]},
        {"contents": [{"parts": [{"text": 7}]}]},
        {"contents": [{"role": "assistant", "parts": [{"text": "A heron"}]}]},
        _with({"inlineData": {"mimeType": "image/png", "data": "bm8gcGljdHVyZQ=="}}),
        _with({"inlineData": {"mimeType": "image/png", "data": "not base64 at all"}}),
        _with({"inlineData": {"mimeType": "image/png", "data": "Zürich=="}}),
        _with({"inlineData": {"mimeType": "image/gif", "data": "R0lGODlh"}}),
        _with({"text": "Both at once", **reference(8, 8)}),
    ],
    ids=str,
)
def test_a_malformed_body_is_googles_400(sim: Caller, body: Any) -> None:
    reply = sim.send(body)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "upstream_error")


def test_what_is_not_json_is_googles_400(sim: Caller) -> None:
    headers = {"x-goog-api-key": DEFAULT}
    reply = sim.http.post(f"/v1/models/{NB2}:generateContent", content=b'{"contents": [', headers=headers)
    assert reply.status_code == 400


def test_url_safe_base64_is_refused(sim: Caller) -> None:
    part = reference(640, 360)
    raw = base64.b64decode(part["inlineData"]["data"]) + b"\xfb\xff" * 3
    part["inlineData"]["data"] = base64.urlsafe_b64encode(raw).decode()
    assert sim.send(_with(part)).status_code == 400
    part["inlineData"]["data"] = base64.b64encode(raw).decode()
    assert sim.send(_with(part)).status_code == 200


def test_more_references_than_the_model_takes_are_refused(sim: Caller) -> None:
    parts = [{"text": "All of them"}, *[reference(8, 8)] * 4]
    assert sim.send({"contents": [{"parts": parts}]}, model=NB1).status_code == 400
    assert sim.send({"contents": [{"parts": parts}]}, model=NB2).status_code == 200


@pytest.mark.parametrize(
    ("config", "pixels"),
    [
        ({"generationConfig": {"imageConfig": {"imageSize": "2K"}}}, (2048, 2048)),
        ({"generationConfig": {"image_config": {"image_size": "2K"}}}, (2048, 2048)),
        ({"generation_config": {"imageConfig": {"imageSize": "2K"}}}, (1024, 1024)),
        ({"generationConfig": {"imageConfig": {"imageSize": "2K"}}, "unheardOf": {"a": 1}}, (2048, 2048)),
    ],
    ids=str,
)
def test_a_field_in_the_wrong_casing_is_dropped_where_the_seller_drops_it(
    sim: Caller, config: dict[str, Any], pixels: tuple[int, int]
) -> None:
    (picture,) = pictures(sim.send({**_BODY, **config}).json())
    assert picture.size == pixels


def test_a_reference_counts_in_both_casings_but_a_linked_one_does_not(sim: Caller) -> None:
    inline = reference(8, 8)["inlineData"]
    snake = {"inline_data": {"mime_type": inline["mimeType"], "data": inline["data"]}}
    linked = {"fileData": {"mimeType": "image/png", "fileUri": "https://images.example.org/a.png"}}
    dropped = {"file_data": {"mime_type": "image/png", "file_uri": "https://images.example.org/a.png"}}
    parts = [{"text": "Four"}, {"inlineData": inline}, snake, linked, dropped]
    usage = sim.send({"contents": [{"parts": parts}]}).json()["usageMetadata"]
    assert {"modality": "IMAGE", "tokenCount": 3 * 1120} in usage["promptTokensDetails"]


def test_the_array_form_of_search_types_is_taken_and_does_nothing(sim: Caller) -> None:
    tools = [{"googleSearch": {"searchTypes": ["IMAGE_SEARCH"]}}]
    assert sim.send({**_BODY, "tools": tools}).status_code == 200


def test_every_answer_carries_signatures_that_are_taken_back(sim: Caller) -> None:
    content = sim.ask().json()["candidates"][0]["content"]
    assert all(base64.b64decode(part["thoughtSignature"], validate=True) for part in content["parts"])
    again = {"contents": [*_BODY["contents"], content, {"role": "user", "parts": [{"text": "Make it night"}]}]}
    (picture,) = pictures(sim.send(again).json())
    assert picture.size == (1024, 1024)


def test_only_what_is_asked_for_is_answered(sim: Caller) -> None:
    (alone,) = sim.ask(responseModalities=["Image"]).json()["candidates"][0]["content"]["parts"]
    assert "inlineData" in alone
    (words,) = sim.ask(responseModalities=["TEXT"]).json()["candidates"][0]["content"]["parts"]
    assert "inlineData" not in words


def test_thoughts_are_shown_when_asked_for(sim: Caller) -> None:
    thinking = {"thinkingLevel": "high", "includeThoughts": True}
    parts = sim.ask(thinkingConfig=thinking).json()["candidates"][0]["content"]["parts"]
    assert parts[0]["thought"] is True
    assert "thoughtSignature" not in parts[0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1beta/models/gemini-3.1-flash-image"),
        ("POST", f"/v1beta/models/{NB2}:embedContent"),
        ("POST", f"/v1beta/models/{NB2}"),
        ("POST", "/v1/images/generations"),
        ("POST", "/upload/v1beta/files"),
        ("GET", "/v1/models/"),
    ],
)
def test_an_unknown_route_is_a_404_in_the_sellers_envelope(sim: Caller, method: str, path: str) -> None:
    reply = sim.http.request(method, path, headers={"x-goog-api-key": DEFAULT})
    assert reply.status_code == 404
    assert reply.json()["error"]["message"].startswith(f"Invalid URL ({method} ")


def test_models_are_listed_in_both_dialects(sim: Caller) -> None:
    listed = sim.http.get("/v1/models", headers={"authorization": f"Bearer {DEFAULT}"}).json()
    native = sim.http.get("/v1beta/models", headers={"x-goog-api-key": DEFAULT}).json()
    assert listed["object"] == "list"
    assert native["nextPageToken"] is None
    assert {row["id"] for row in listed["data"]} == {row["name"] for row in native["models"]}
    assert {NB2, f"{NB2}-preview", PRO, NB1} <= {row["name"] for row in native["models"]}


def test_the_same_path_speaks_natively_to_a_native_credential(sim: Caller) -> None:
    assert "models" in sim.http.get("/v1/models", headers={"x-goog-api-key": DEFAULT}).json()


def test_models_are_listed_to_customers_only(sim: Caller) -> None:
    assert sim.http.get("/v1/models").status_code == 401
