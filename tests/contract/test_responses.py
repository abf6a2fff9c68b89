"""The official openai SDK's Responses API, unmodified: only its base_url is ours."""

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import Response, ResponseInputParam, ResponseStreamEvent, ToolParam
from openai.types.responses.response_output_item import ImageGenerationCall
from pydantic import TypeAdapter

from gateway.relay.vigil import Pulse
from tests.house import MODEL, PRO, Gateway, Simulator, open_gateway, pixels

RESPONSE = TypeAdapter(Response)
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)


def client(gateway: Gateway, secret: str | None = None, **options: Any) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=secret or gateway.secret, **options)


def drawing(size: str, quality: Any = "auto") -> list[ToolParam]:
    return [{"type": "image_generation", "size": size, "quality": quality}]


def picture(response: Response) -> str:
    (call,) = [item for item in response.output if isinstance(item, ImageGenerationCall)]
    assert call.status == "completed"
    assert call.result
    return call.result


def shown(data: str) -> ResponseInputParam:
    return [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "make it night"},
                {"type": "input_image", "image_url": f"data:image/png;base64,{data}", "detail": "auto"},
            ],
        }
    ]


async def test_create(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway) as api:
        raw = await api.responses.with_raw_response.create(
            model=MODEL, input="a paper boat", instructions="flat style", tools=drawing("1536x1024", "high")
        )
    answer = raw.parse()
    RESPONSE.validate_json(raw.content, strict=True)
    assert pixels(picture(answer)) == (1264, 848)
    assert answer.status == "completed"
    assert answer.model == MODEL
    call_id = raw.headers["x-gateway-call-id"]
    assert answer.id == f"resp_{call_id}"
    (bill,) = simulator.bill(call_id)
    assert answer.usage
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (bill["input_tokens"], bill["output_tokens"])
    assert answer.usage.total_tokens == bill["input_tokens"] + bill["output_tokens"]
    assert await gateway.spent_nanos() == bill["nanos"]


async def test_create_4k_by_extra_body(gateway: Gateway) -> None:
    config = {"google": {"image_config": {"aspect_ratio": "21:9", "image_size": "4K"}}}
    async with client(gateway) as api:
        answer = await api.responses.create(model=MODEL, input="a paper boat", extra_body=config)
    assert pixels(picture(answer)) == (6336, 2688)


async def test_create_streamed(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway) as api:
        stream = await api.responses.create(
            model=MODEL, input="a paper boat", tools=drawing("16:9"), stream=True, store=False
        )
        events = [event async for event in stream]
    for event in events:
        EVENT.validate_json(event.to_json(), strict=True)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    (done,) = [event for event in events if event.type == "response.image_generation_call.completed"]
    last = events[-1]
    assert last.type == "response.completed"
    assert pixels(picture(last.response)) == (1376, 768)
    assert done.item_id in [item.id for item in last.response.output]
    (bill,) = simulator.bill(last.response.id.removeprefix("resp_"))
    assert last.response.usage
    assert last.response.usage.output_tokens == bill["output_tokens"]
    assert await gateway.spent_nanos() == bill["nanos"]


async def test_create_streamed_with_a_draft(gateway: Gateway) -> None:
    tools: list[ToolParam] = [{"type": "image_generation", "partial_images": 1}]
    async with client(gateway) as api:
        stream = await api.responses.create(model=PRO, input="a paper boat", tools=tools, stream=True)
        events = [event async for event in stream]
    for event in events:
        EVENT.validate_json(event.to_json(), strict=True)
    (draft,) = [event for event in events if event.type == "response.image_generation_call.partial_image"]
    assert pixels(draft.partial_image_b64) == (1024, 1024)


async def test_the_sdks_own_reader_of_streams_puts_the_response_together(gateway: Gateway) -> None:
    async with client(gateway) as api, api.responses.stream(model=MODEL, input="a paper boat") as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert kinds[0] == "response.created"
    assert pixels(picture(final)) == (1024, 1024)


async def test_thoughts_are_told_when_a_summary_is_asked_for(gateway: Gateway) -> None:
    async with client(gateway) as api:
        answer = await api.responses.create(
            model=MODEL, input="a paper boat", reasoning={"effort": "high", "summary": "auto"}
        )
    (thought,) = [item for item in answer.output if item.type == "reasoning"]
    assert thought.summary[0].text
    assert answer.usage
    assert answer.usage.output_tokens_details.reasoning_tokens > 0
    assert pixels(picture(answer)) == (1024, 1024)


async def test_a_picture_is_edited(gateway: Gateway) -> None:
    async with client(gateway) as api:
        first = await api.responses.create(model=MODEL, input="a paper boat", tools=drawing("16:9"))
        second = await api.responses.create(model=MODEL, input=shown(picture(first)))
    assert pixels(picture(second)) == (1376, 768)


async def test_an_answer_is_sent_back_as_it_came_and_drawn_on(gateway: Gateway, simulator: Simulator) -> None:
    async with client(gateway) as api:
        first = await api.responses.create(model=MODEL, input="a paper boat", tools=drawing("16:9"))
        history: Any = [{"role": "user", "content": "a paper boat"}, *first.output]
        again = [*history, {"role": "user", "content": "make it night"}]
        second = await api.responses.create(model=MODEL, input=again, tools=drawing("16:9"))
    assert pixels(picture(second)) == (1376, 768)
    (sent,) = simulator.requests(second.id.removeprefix("resp_"))
    assert '{"role":"model","parts":[{"inlineData":' in sent["text"]  # with its signature, or it would be the user's
    (row,) = simulator.bill(second.id.removeprefix("resp_"))
    assert row["input_tokens"] > 1120


async def test_a_refusal_is_an_incomplete_response_and_charged_once(gateway: Gateway, simulator: Simulator) -> None:
    before = len(simulator.bill())
    async with client(gateway) as api:
        answer = await api.responses.create(model=MODEL, input="x [sim:refusal]")
    assert answer.status == "incomplete"
    assert answer.incomplete_details
    assert answer.incomplete_details.reason == "content_filter"
    assert answer.output_text
    assert len(simulator.bill()) == before + 1


async def test_a_streamed_refusal_is_an_incomplete_response(gateway: Gateway) -> None:
    async with client(gateway) as api:
        stream = await api.responses.create(model=MODEL, input="x [sim:refusal]", stream=True)
        events = [event async for event in stream]
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details
    assert last.response.incomplete_details.reason == "content_filter"
    assert last.response.output_text


async def test_an_answer_in_words_alone_is_complete(gateway: Gateway) -> None:
    async with client(gateway) as api:
        answer = await api.responses.create(model=MODEL, input="x [sim:text-only]")
    assert answer.status == "completed"
    assert [item.type for item in answer.output] == ["message"]
    assert answer.output_text


async def test_a_stream_that_has_begun_ends_with_a_failed_response(simulator: Simulator, tmp_path: Path) -> None:
    async with (
        open_gateway(simulator, tmp_path, pulse=Pulse(open_s=0.0)) as gateway,
        client(gateway, max_retries=0) as api,
    ):
        stream = await api.responses.create(model=MODEL, input="x [sim:cut]", stream=True)
        events = [event async for event in stream]
        assert await gateway.spent_nanos() == 0
    assert events[0].type == "response.created"
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.error
    assert "nothing is charged" in last.response.error.message


async def test_a_bad_key(gateway: Gateway) -> None:
    async with client(gateway, "sk-gw-" + "x" * 43) as api:
        with pytest.raises(openai.AuthenticationError) as caught:
            await api.responses.create(model=MODEL, input="x")
    assert caught.value.code == "invalid_api_key"


@pytest.mark.parametrize("streams", [False, True])
async def test_an_unknown_model(gateway: Gateway, streams: bool) -> None:
    async with client(gateway) as api:
        with pytest.raises(openai.NotFoundError) as caught:
            await api.responses.create(model="gpt-5", input="x", stream=streams)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"tools": [{"type": "image_generation", "size": "7:3"}]}, "size"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"tools": [{"type": "function", "name": "f", "parameters": {}}]}, "tools[0]"),
    ],
)
async def test_what_cannot_be_done_is_said_before_anything_is_spent(
    gateway: Gateway, simulator: Simulator, wrong: dict[str, Any], param: str
) -> None:
    before = len(simulator.bill())
    async with client(gateway) as api:
        with pytest.raises(openai.BadRequestError) as caught:
            await api.responses.create(model=MODEL, input="x", **wrong)
    assert caught.value.param == param
    assert len(simulator.bill()) == before
    assert await gateway.spent_nanos() == 0


async def test_the_synchronous_client_works_too(gateway: Gateway) -> None:
    def generate() -> tuple[str, list[str]]:
        with OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.secret) as api:
            answer = api.responses.create(model=MODEL, input="a paper boat")
            stream = api.responses.create(model=MODEL, input="a paper boat", stream=True)
            return picture(answer), [event.type for event in stream]

    data, kinds = await asyncio.to_thread(generate)
    assert pixels(data) == (1024, 1024)
    assert kinds[-1] == "response.completed"
