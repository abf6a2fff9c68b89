"""Golden pairs: what came in, what must go out, and what is read from it."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.core.errors import BadRequest, CallerError
from tests.dialects.speak import asked, parse
from tests.facts import catalog

PAIRS = sorted((Path(__file__).parent / "wire" / "requests").glob("*.json"))
GOOD = [path for path in PAIRS if "-error-" not in path.name]
BAD = [path for path in PAIRS if "-error-" in path.name]


def load(path: Path) -> dict[str, Any]:
    pair: dict[str, Any] = json.loads(path.read_text())
    return pair


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_request_goes_out_as_the_pair_says(path: Path) -> None:
    pair = load(path)
    raw = orjson.dumps(pair["body"], option=orjson.OPT_INDENT_2)
    parsed = parse(pair["path"], raw, pair.get("query"))
    if pair["upstream"] == "unchanged":
        assert parsed.body is raw
    else:
        assert json.loads(parsed.body) == pair["upstream"]
    assert parsed.count == pair.get("count", 1)
    for name, value in pair.get("ask", {}).items():
        assert getattr(parsed.ask, name) == value


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_wrong_request_says_what_is_wrong_and_where(path: Path) -> None:
    pair = load(path)
    with pytest.raises(CallerError) as caught:
        parse(pair["path"], pair["body"])
    assert caught.value.param == pair["error"]["param"]
    assert pair["error"]["says"] in caught.value.message


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_goes_out_is_native_and_needs_no_second_change(path: Path) -> None:
    pair = load(path)
    parsed = parse(pair["path"], pair["body"], pair.get("query"))
    native = parse(f"/v1beta/models/{parsed.ask.model.id}:generateContent", parsed.body)
    assert native.body is parsed.body or json.loads(native.body) == json.loads(parsed.body)
    assert native.ask.size == parsed.ask.size


NOT_JSON = [
    b"",
    b"{",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b'{"contents": nope}',
    b"[" * 100_000,
    b'{"a":' * 70 + b"1" + b"}" * 70,
    b'{"seed": 99999999999999999999}',
    b'{"seed": ' + b"9" * 5000 + b"}",
    b'{"temperature": 1e999}',
    b'{"temperature": NaN}',
    b'{"temperature": Infinity}',
]


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:12]))
@pytest.mark.parametrize(
    "path", ["/v1beta/models/flash:generateContent", "/v1/images/generations", "/v1/chat/completions"]
)
def test_a_body_that_is_no_json_object_is_refused_politely(path: str, body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(path, body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1beta/models/flash:generateContent", b'{"contents":[{"parts":[{"text":"x"}]}],"contents":[]}'),
        (
            "/v1beta/models/flash:generateContent",
            b'{"contents":[{"parts":[]}],"generationConfig":{"imageConfig":{"imageSize":"1K","imageSize":"4K"}}}',
        ),
        ("/v1/images/generations", b'{"model":"flash","model":"pro","prompt":"x"}'),
        (
            "/v1/chat/completions",
            b'{"model":"flash","messages":[{"content":"x"}],"size":"1K","size":"4K"}',
        ),
    ],
)
def test_a_name_given_twice_is_refused_since_parsers_differ_in_which_they_take(path: str, body: bytes) -> None:
    with pytest.raises(BadRequest, match="twice"):
        parse(path, body)


def test_a_large_picture_passes_without_being_touched() -> None:
    picture = "iVBORw0KGgoAAAANSUhEUgAA" + "QUJD" * 2_000_000
    body = orjson.dumps({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": picture}}]}]})
    parsed = parse("/v1beta/models/flash:generateContent", body)
    assert parsed.body is body
    assert parsed.ask.references == 1
    assert parsed.ask.text_bytes < 200


def test_long_text_counts_in_full_or_as_the_models_limit() -> None:
    for text, least in (("word " * 10_000, 50_000), ("x" * 50_000, 50_000), ("\u4f60" * 20_000, 60_000)):
        parsed = parse("/v1beta/models/flash:generateContent", {"contents": [{"parts": [{"text": text}]}]})
        assert parsed.ask.text_bytes >= least


def test_count_tokens_is_answered_here() -> None:
    body = {
        "contents": [
            {"parts": [{"text": "x" * 80}, {"inline_data": {"mime_type": "image/png", "data": "iVBORw0KGgo="}}]}
        ]
    }
    dialect, request = asked("/v1beta/models/flash:countTokens", body)
    assert json.loads(dialect.local(request, catalog(), catalog().models)) == {
        "totalTokens": 1140,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 20}, {"modality": "IMAGE", "tokenCount": 1120}],
    }
