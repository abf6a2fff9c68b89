"""Edits over several turns against a seller that enforces thought signatures, through both official SDKs.

Callers of OpenAI's format come back with the signatures, or without them; the gateway puts them in, or says it
all again in a way that needs none. What Google's SDK sends is passed on as it is.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.genai import errors, types
from openai import AsyncOpenAI

from gateway.core.keys import Limits
from tests.contract import test_genai
from tests.house import MODEL, PRO, Gateway, Simulator, open_gateway, pixels

WISHES = ("a paper boat", "make it night", "add a moon")


@pytest.fixture(scope="module")
def strict() -> Iterator[Simulator]:
    with Simulator.started("--speed", "0", "--light", "--strict-signatures") as running:
        yield running


@pytest.fixture
async def gateway(strict: Simulator, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with open_gateway(strict, tmp_path) as running:
        yield running


def client(gateway: Gateway, secret: str | None = None) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=secret or gateway.secret)


# How different programs keep the answer that they send back with the next wish.
def _whole(message: Any) -> Any:
    return message


def _unsigned(message: Any) -> Any:
    """As programs do that know `images`, and keep of it what they need."""
    images = [{"type": "image_url", "image_url": image["image_url"]} for image in message.model_extra["images"]]
    return {"role": "assistant", "content": message.content, "images": images}


def _part(message: Any) -> Any:
    """The picture as a part of the content, and the words dropped."""
    (image,) = message.model_extra["images"]
    return {"role": "assistant", "content": [{"type": "image_url", "image_url": image["image_url"]}]}


def _markdown(message: Any) -> Any:
    """As chat programs do that show Markdown."""
    (image,) = message.model_extra["images"]
    return {"role": "assistant", "content": f"{message.content}\n\n![image]({image['image_url']['url']})"}


KEPT = [_whole, _unsigned, _part, _markdown]


async def _edit(api: AsyncOpenAI, kept: Callable[[Any], Any], model: str = MODEL) -> Any:
    """Three wishes; gives the last answer, raw."""
    messages: list[Any] = []
    for wish in WISHES:
        messages.append({"role": "user", "content": wish})
        raw = await api.chat.completions.with_raw_response.create(
            model=model, messages=messages, extra_body={"aspect_ratio": "16:9"}
        )
        message = raw.parse().choices[0].message
        (image,) = (message.model_extra or {})["images"]
        assert pixels(image["image_url"]["url"].partition(",")[2]) == (1376, 768)
        messages.append(kept(message))
    return raw


def _roles(simulator: Simulator, raw: Any) -> list[list[str]]:
    """Whose turns the seller was sent, as far as it noted them, for each attempt of a call."""
    seen = simulator.requests(raw.headers["x-gateway-call-id"])
    return [re.findall(r'"role":"(\w+)"', each["text"]) for each in seen]


@pytest.mark.parametrize("model", [MODEL, PRO])
@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.__name__.strip("_"))
async def test_an_edit_over_three_turns(gateway: Gateway, kept: Callable[[Any], Any], model: str) -> None:
    async with client(gateway) as api:
        raw = await _edit(api, kept, model)
    assert raw.headers["x-gateway-attempts"] == "1", "every earlier answer was known by its signature"


async def test_an_edit_over_three_turns_by_responses(gateway: Gateway) -> None:
    items: list[Any] = []
    async with client(gateway) as api:
        for wish in WISHES:
            items.append({"role": "user", "content": wish})
            raw = await api.responses.with_raw_response.create(model=MODEL, input=items)
            assert raw.headers["x-gateway-attempts"] == "1"
            (drawn,) = [item for item in raw.parse().output if item.type == "image_generation_call"]
            items.append({"type": drawn.type, "id": drawn.id, "status": drawn.status, "result": drawn.result})


async def test_a_picture_of_the_images_route_is_known_in_a_chat(gateway: Gateway) -> None:
    async with client(gateway) as api:
        drawn = await api.images.generate(model=MODEL, prompt=WISHES[0])
        assert drawn.data
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{drawn.data[0].b64_json}"}}
        messages: list[Any] = [{"role": "assistant", "content": [image]}, {"role": "user", "content": WISHES[1]}]
        raw = await api.chat.completions.with_raw_response.create(model=MODEL, messages=messages)
    assert raw.headers["x-gateway-attempts"] == "1"


async def test_another_teams_signature_is_not_known(gateway: Gateway, strict: Simulator) -> None:
    running = gateway.running
    await running.ledger.keys.create_team("umbra", now=0.0)
    _, secret = await running.ledger.keys.create_key("umbra", name="test", limits=Limits(), now=0.0)
    async with client(gateway) as api:
        raw = await api.chat.completions.with_raw_response.create(
            model=MODEL, messages=[{"role": "user", "content": WISHES[0]}]
        )
    earlier = _part(raw.parse().choices[0].message)
    async with client(gateway, secret) as api:
        raw = await api.chat.completions.with_raw_response.create(
            model=MODEL, messages=[{"role": "user", "content": "x"}, earlier, {"role": "user", "content": WISHES[1]}]
        )
    assert _roles(strict, raw) == [["user"]], "the picture is put as the user's from the start"


async def test_words_of_another_model_cost_a_second_try_that_is_free(gateway: Gateway, strict: Simulator) -> None:
    messages: list[Any] = [
        {"role": "user", "content": "Think of a boat"},
        {"role": "assistant", "content": "A paper boat."},
        {"role": "user", "content": "Draw it"},
    ]
    async with client(gateway) as api:
        raw = await api.chat.completions.with_raw_response.create(model=MODEL, messages=messages)
    assert raw.headers["x-gateway-group"] == "Default"
    assert _roles(strict, raw) == [["user", "model", "user"], ["user"]]
    (row,) = strict.bill(raw.headers["x-gateway-call-id"])
    assert await gateway.spent_nanos() == row["nanos"]


async def test_with_nothing_remembered_the_conversation_goes_on(strict: Simulator, tmp_path: Path) -> None:
    async with open_gateway(strict, tmp_path, retention={"signatures_s": 0}) as forgetful, client(forgetful) as api:
        for kept in (_unsigned, _part, _markdown):
            await _edit(api, kept)


async def test_googles_chats_bring_their_own(gateway: Gateway) -> None:
    async with test_genai.client(gateway).aio as api:
        chat = api.chats.create(model=PRO)
        replies = [await chat.send_message(wish) for wish in WISHES]
    assert [test_genai.size(test_genai.picture(reply)) for reply in replies] == [(1024, 1024)] * 3


async def test_what_a_native_caller_sends_is_not_rewritten(gateway: Gateway) -> None:
    async with test_genai.client(gateway).aio as api:
        first = await api.models.generate_content(model=MODEL, contents=WISHES[0])
        blob = test_genai.picture(first)
        unsigned = types.Content(role="model", parts=[types.Part(inline_data=blob)])
        wish = types.Content(role="user", parts=[types.Part(text=WISHES[1])])
        before = await gateway.spent_nanos()
        with pytest.raises(errors.ClientError) as caught:
            await api.models.generate_content(model=MODEL, contents=[wish, unsigned, wish])
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert "missing a thought_signature in content position 2" in (caught.value.message or "")
    assert await gateway.spent_nanos() == before
