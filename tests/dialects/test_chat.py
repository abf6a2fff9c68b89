"""What callers of chat completions are sent: every object parses into the openai package's own types, and what it
holds beyond them is known by name."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel, TypeAdapter

from gateway.core.keys import Show
from gateway.core.sse import EventReader
from gateway.dialects.completions import Shape
from gateway.dialects.grounding import annotations
from gateway.dialects.replies import content_of
from tests.dialects.speak import asked, parse, sent
from tests.dialects.test_answers import (
    BLOCKED,
    DRAWN,
    INLINE,
    NOTHING,
    PICTURE,
    REFUSED,
    TALK,
    USAGE,
    chat,
    png,
    reply,
    write,
)
from tests.facts import catalog

WHOLE = TypeAdapter(ChatCompletion)
CHUNK = TypeAdapter(ChatCompletionChunk)

MARKDOWN = f"![image](data:image/png;base64,{PICTURE})"

GROUNDING = {
    "webSearchQueries": ["aurora"],
    "searchEntryPoint": {"renderedContent": "<div>aurora</div>"},
    "groundingChunks": [
        {"web": {"uri": "https://example.org/a", "title": "A"}},
        {"image": {"sourceUri": "https://example.org/i", "imageUri": "https://example.org/i.png"}},
        {"web": {"uri": "https://example.org/b", "domain": "example.org"}},
    ],
    "groundingSupports": [
        {"segment": {"startIndex": 5, "endIndex": 12, "text": "it is."}, "groundingChunkIndices": [0]},
    ],
}

SIGNED_TWICE = reply(
    {"text": "Here it is.", "thoughtSignature": "d29yZHM="},
    {**INLINE, "thoughtSignature": "ZHJhZnQ="},
    {"inlineData": {"mimeType": "image/png", "data": png(64, 64)}, "thoughtSignature": "cGljdHVyZQ=="},
)
GROUNDED = {
    **DRAWN,
    "candidates": [{**DRAWN["candidates"][0], "groundingMetadata": GROUNDING}],
}
UNCOUNTED = {"candidates": DRAWN["candidates"]}
BAD_USAGE = {**DRAWN, "usageMetadata": {}}

ANSWERS = {
    "drawn": DRAWN,
    "signed": SIGNED_TWICE,
    "grounded": GROUNDED,
    "talk": TALK,
    "blocked": BLOCKED,
    "refused": REFUSED,
    "nothing": NOTHING,
    "cut short": reply({"text": "half"}, finish="MAX_TOKENS"),
    "uncounted": UNCOUNTED,
}

# What OpenAI's schema has no name for, and we send all the same.
EXTRAS = {"images", "reasoning_content", "extra_content", "grounding_metadata", "text_tokens", "image_tokens"}
EXTRAS |= {"estimated"}


def extras(value: object) -> Iterator[str]:
    """The names in an object that its type does not know."""
    if isinstance(value, list):
        for each in value:
            yield from extras(each)
    elif isinstance(value, BaseModel):
        yield from value.model_extra or {}
        for name in type(value).model_fields:
            yield from extras(getattr(value, name))


def message(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = json.loads(write(chat(**more), orjson.dumps(body)))
    found: dict[str, Any] = answer["choices"][0]["message"]
    return found


def chunks(body: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    stream = write(chat(stream=True, **more), orjson.dumps(body))
    *told, done = EventReader().feed(stream)
    assert done == b"[DONE]"
    return [json.loads(each) for each in told]


def delta(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """All deltas of the only choice as one."""
    whole: dict[str, Any] = {}
    for chunk in chunks(body, **more):
        for choice in chunk["choices"]:
            whole |= choice["delta"] | {"content": whole.get("content", "") + choice["delta"].get("content", "")}
    return whole


@pytest.mark.parametrize("show", ["images", "markdown", "both"])
@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_a_whole_answer_is_openais_and_its_extras_are_known_by_name(body: dict[str, Any], show: str) -> None:
    answer = write(chat(image_response_format=show), orjson.dumps(body))
    assert set(extras(WHOLE.validate_python(json.loads(answer), strict=False))) <= EXTRAS


@pytest.mark.parametrize("show", ["images", "markdown", "both"])
@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_every_chunk_is_openais_and_its_extras_are_known_by_name(body: dict[str, Any], show: str) -> None:
    told = chunks(body, image_response_format=show, stream_options={"include_usage": True})
    read = [CHUNK.validate_python(each, strict=False) for each in told]
    assert {name for chunk in read for name in extras(chunk)} <= EXTRAS | {"annotations"}
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in read}) == 1


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("show", ["images", "markdown", "both"])
def test_a_stream_tells_what_a_whole_answer_tells(body: dict[str, Any], show: str) -> None:
    whole = message(body, image_response_format=show)
    if whole["refusal"] is None:
        del whole["refusal"]
    assert delta(body, image_response_format=show) == whole


@pytest.mark.parametrize(
    ("asked", "content", "has_images"),
    [
        ({}, "Here it is.", True),
        ({"modalities": ["image", "text"]}, "Here it is.", True),
        ({"image_response_format": "images"}, "Here it is.", True),
        ({"image_response_format": "markdown"}, f"Here it is.\n\n{MARKDOWN}", False),
        ({"image_response_format": "both"}, f"Here it is.\n\n{MARKDOWN}", True),
        ({"extra_body": {"image_response_format": "markdown"}}, f"Here it is.\n\n{MARKDOWN}", False),
        ({"google": {"imageResponseFormat": "markdown"}}, f"Here it is.\n\n{MARKDOWN}", False),
    ],
)
def test_pictures_stand_where_the_request_says(asked: dict[str, Any], content: str, *, has_images: bool) -> None:
    told = message(DRAWN, **asked)
    assert told["content"] == content
    assert ("images" in told) is has_images


BROWSER = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 CherryStudio/1.7.2 Chrome/140 Electron/38"
VERCEL = "ai/7.0.173 ai-sdk-provider-utils/5.0.81 node.js/24"

# By what is said in the request, by the key, and by the program's own name.
PLACES = [
    ({}, None, "", Show.IMAGES),
    ({}, None, "OpenAI/Python 3.57.0", Show.IMAGES),
    ({}, None, "curl/8.5.0", Show.IMAGES),
    ({}, None, BROWSER, Show.MARKDOWN),
    ({}, None, VERCEL, Show.MARKDOWN),
    ({}, None, "pydantic-ai/2.68.0", Show.MARKDOWN),
    ({"modalities": ["text", "image"]}, None, BROWSER, Show.IMAGES),
    ({"modalities": ["text"]}, None, BROWSER, Show.MARKDOWN),
    ({}, Show.BOTH, BROWSER, Show.BOTH),
    ({}, Show.MARKDOWN, "OpenAI/Python 3.57.0", Show.MARKDOWN),
    ({"modalities": ["image"]}, Show.MARKDOWN, "", Show.MARKDOWN),
    ({"image_response_format": "images"}, Show.MARKDOWN, BROWSER, Show.IMAGES),
]


@pytest.mark.parametrize(("said", "key", "agent", "show"), PLACES)
def test_the_request_decides_then_the_key_then_what_the_program_reads(
    said: dict[str, Any], key: Show | None, agent: str, show: Show
) -> None:
    body = {"model": "flash", "messages": [{"role": "user", "content": "a boat"}], **said}
    dialect, request = asked("/v1/chat/completions", body)
    parsed = dialect.parse(replace(request, agent=agent, show=key), catalog())
    assert isinstance(parsed.form, Shape)
    assert parsed.form.show is show


def test_markdown_without_words_is_the_picture_alone() -> None:
    assert message(reply(INLINE), image_response_format="markdown")["content"] == MARKDOWN


def test_each_picture_and_the_words_keep_their_own_signature() -> None:
    told = message(SIGNED_TWICE)
    assert [image["extra_content"]["google"]["thought_signature"] for image in told["images"]] == [
        "ZHJhZnQ=",
        "cGljdHVyZQ==",
    ]
    assert told["extra_content"] == {"google": {"thought_signature": "d29yZHM="}}


def test_in_markdown_the_messages_signature_is_the_last_pictures() -> None:
    told = message(SIGNED_TWICE, image_response_format="markdown")
    assert told["extra_content"] == {"google": {"thought_signature": "cGljdHVyZQ=="}}


ONE = reply({"text": "Here it is.", "thoughtSignature": "d29yZHM="}, INLINE)
UNSIGNED_WORDS = reply({"text": "Here it is."}, INLINE)


@pytest.mark.parametrize(
    ("body", "show", "parts"),
    [
        (ONE, "images", [{"text": "Here it is.", "thoughtSignature": "d29yZHM="}, INLINE]),
        (UNSIGNED_WORDS, "images", [{"text": "Here it is."}, INLINE]),
        (UNSIGNED_WORDS, "markdown", [{"text": "Here it is."}, INLINE]),
        (UNSIGNED_WORDS, "both", [{"text": "Here it is."}, INLINE]),
    ],
)
def test_an_answer_sent_back_is_the_models_own_turn_again(
    body: dict[str, Any], show: str, parts: list[dict[str, Any]]
) -> None:
    history = [{"role": "user", "content": "a"}, message(body, image_response_format=show)]
    parsed = parse("/v1/chat/completions", {"model": "flash", "messages": [*history, {"role": "user", "content": "b"}]})
    assert json.loads(parsed.body)["contents"] == [
        {"role": "user", "parts": [{"text": "a"}]},
        {"role": "model", "parts": parts},
        {"role": "user", "parts": [{"text": "b"}]},
    ]
    assert (parsed.ask.references, parsed.ask.history) == (0, 1)


def test_grounding_goes_out_verbatim_and_as_citations() -> None:
    told = message(GROUNDED)
    assert told["grounding_metadata"] == GROUNDING
    assert [each["url_citation"] for each in told["annotations"]] == [
        {"url": "https://example.org/a", "title": "A", "start_index": 5, "end_index": 11},
        {"url": "https://example.org/b", "title": "example.org", "start_index": 0, "end_index": 0},
    ]


@pytest.mark.parametrize(
    "odd",
    [
        {"groundingChunks": "x"},
        {"groundingChunks": [None, {"web": None}, {"web": {"uri": 1}}]},
        {"groundingSupports": [{"segment": "x", "groundingChunkIndices": 0}]},
    ],
)
def test_grounding_of_another_shape_cites_nothing(odd: dict[str, Any]) -> None:
    assert annotations(odd, "words") == []


REFUSALS = ["SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST", "SPII"]
REFUSALS += ["RECITATION", "IMAGE_RECITATION", "MODEL_ARMOR"]
OTHERS = ["STOP", "NO_IMAGE", "IMAGE_OTHER", "OTHER", "LANGUAGE", "MALFORMED_RESPONSE", "MALFORMED_FUNCTION_CALL"]
OTHERS += ["TOO_MANY_TOOL_CALLS", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE", "A_REASON_OF_TOMORROW"]
FINISHES = [
    ("MAX_TOKENS", "length", "length"),
    *((reason, "content_filter", "content_filter") for reason in REFUSALS),
    *((reason, "stop", "content_filter") for reason in OTHERS),
]


@pytest.mark.parametrize(("reason", "with_words", "with_nothing"), FINISHES)
def test_a_reason_is_told_in_chats_words(reason: str, with_words: str, with_nothing: str) -> None:
    for body, expected in ((reply({"text": "so"}, finish=reason), with_words), (reply(finish=reason), with_nothing)):
        choice = json.loads(write(chat(), orjson.dumps(body)))["choices"][0]
        assert choice["finish_reason"] == expected
        assert (choice["message"]["refusal"] is not None) == (expected == "content_filter")
        *_, last = chunks(body)
        assert last["choices"][0]["finish_reason"] == expected


def test_a_refusal_is_told_where_every_chat_program_looks() -> None:
    for told in (message(REFUSED), delta(REFUSED)):
        assert (told["content"], told["refusal"]) == ("unsafe", "unsafe")


@pytest.mark.parametrize("body", [UNCOUNTED, BAD_USAGE])
def test_usage_that_is_not_told_is_estimated_and_marked(body: dict[str, Any]) -> None:
    answer = json.loads(write(chat(messages=[{"role": "user", "content": "a paper boat"}]), orjson.dumps(body)))
    assert answer["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 1120 + 3,
        "total_tokens": 1126,
        "prompt_tokens_details": {"cached_tokens": 0, "text_tokens": 3, "image_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "text_tokens": 3, "image_tokens": 1120},
        "estimated": True,
    }
    *_, last = chunks(body, stream_options={"include_usage": True})
    assert last["usage"]["estimated"] is True


def test_several_replies_are_estimated_when_one_of_them_is() -> None:
    writer, bodies = chat(n=2), [orjson.dumps(DRAWN), orjson.dumps(UNCOUNTED)]
    for number, body in enumerate(bodies):
        writer.each(number, content_of(body))
    usage = json.loads(sent(writer.closing(), *bodies))["usage"]
    assert (usage["completion_tokens"], usage["estimated"]) == (1678 + 1123, True)


def test_usage_adds_up_and_every_chunk_before_it_says_null() -> None:
    found = {**USAGE, "toolUsePromptTokenCount": 100, "totalTokenCount": 1799, "cachedContentTokenCount": 7}
    *before, last = chunks({**DRAWN, "usageMetadata": found}, stream_options={"include_usage": True})
    assert all(chunk["usage"] is None for chunk in before)
    assert last["usage"] == {
        "prompt_tokens": 121,
        "completion_tokens": 1678,
        "total_tokens": 1799,
        "prompt_tokens_details": {"cached_tokens": 7, "text_tokens": 121, "image_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 130, "text_tokens": 428, "image_tokens": 1120},
    }
