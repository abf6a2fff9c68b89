"""Every call of the openai SDK that a picture can come from, and its errors.

Runs in environments of its versions. Arguments: base address, key. Prints one JSON object, see `trial.tell`.
"""

import asyncio
import base64
import sys
from typing import Any
from urllib.request import urlopen

import openai

from tests.sdks.trial import expect, listed, now, size, tell

MODEL = "gemini-3.1-flash-image-preview"
PROMPT = "a paper boat"
WIDE = {"google": {"image_config": {"aspect_ratio": "21:9", "image_size": "4K"}}}
SQUARE, BANNER = (1024, 1024), (6336, 2688)


def opened(encoded: str) -> tuple[int, int]:
    return size(base64.b64decode(encoded))


def addressed(url: str) -> tuple[int, int]:
    return opened(url.partition(";base64,")[2])


def fetched(url: str) -> tuple[int, int]:
    with urlopen(url) as answer:
        return size(answer.read())


def sizes(answer: Any) -> list[tuple[int, int]]:
    return [opened(each.b64_json) for each in answer.data]


def shown(message: Any) -> tuple[int, int]:
    """The picture of a chat's message or delta: `images` is a field that the SDK does not know and keeps."""
    (image,) = message.images
    return addressed(image["image_url"]["url"])


def drawn(response: Any) -> tuple[int, int]:
    (result,) = [item.result for item in response.output if item.type == "image_generation_call"]
    return opened(result)


async def boat(api: Any) -> bytes:
    answer = await now(api.images.generate(model=MODEL, prompt=PROMPT, size="16:9"))
    return base64.b64decode(answer.data[0].b64_json)


async def generate(api: Any) -> None:
    expect(sizes(await now(api.images.generate(model=MODEL, prompt=PROMPT, size="1536x1024"))), [(1264, 848)])


async def generate_4k(api: Any) -> None:
    expect(sizes(await now(api.images.generate(model=MODEL, prompt=PROMPT, extra_body=WIDE))), [BANNER])


async def generate_two(api: Any) -> None:
    expect(sizes(await now(api.images.generate(model=MODEL, prompt=PROMPT, n=2))), [SQUARE] * 2)


async def generate_url(api: Any) -> None:
    answer = await now(api.images.generate(model=MODEL, prompt=PROMPT, response_format="url", quality="low"))
    expect([fetched(each.url) for each in answer.data], [SQUARE])


async def generate_stream(api: Any) -> None:
    events = await listed(api.images.generate(model=MODEL, prompt=PROMPT, stream=True))
    expect([(event.type, opened(event.b64_json)) for event in events], [("image_generation.completed", SQUARE)])


async def edit(api: Any) -> None:
    picture = await boat(api)
    expect(sizes(await now(api.images.edit(model=MODEL, prompt="make it night", image=picture))), [(1376, 768)])


async def edit_two(api: Any) -> None:
    picture = await boat(api)
    answer = await now(api.images.edit(model=MODEL, prompt="both", image=[picture, picture], size="1024x1024"))
    expect(sizes(answer), [SQUARE])


async def edit_stream(api: Any) -> None:
    picture = await boat(api)
    events = await listed(api.images.edit(model=MODEL, prompt="make it night", image=picture, stream=True))
    expect([(event.type, opened(event.b64_json)) for event in events], [("image_edit.completed", (1376, 768))])


def asks(text: str, picture: bytes = b"") -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if picture:
        url = "data:image/png;base64," + base64.b64encode(picture).decode()
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"role": "user", "content": parts if picture else text}


async def chat(api: Any) -> None:
    answer = await now(api.chat.completions.create(model=MODEL, messages=[asks(PROMPT)]))
    expect(shown(answer.choices[0].message), SQUARE)
    expect(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)


async def chat_two(api: Any) -> None:
    answer = await now(api.chat.completions.create(model=MODEL, messages=[asks(PROMPT)], n=2))
    expect([shown(choice.message) for choice in answer.choices], [SQUARE] * 2)


async def chat_picture(api: Any) -> None:
    messages = [asks("make it night", await boat(api))]
    answer = await now(api.chat.completions.create(model=MODEL, messages=messages))
    expect(shown(answer.choices[0].message), (1376, 768))


async def chat_turns(api: Any) -> None:
    messages: list[Any] = []
    for wish in (PROMPT, "make it night", "add a moon"):
        messages.append(asks(wish))
        answer = await now(api.chat.completions.create(model=MODEL, messages=messages, extra_body=WIDE))
        messages.append(answer.choices[0].message)
        expect(shown(messages[-1]), BANNER)


async def chat_stream(api: Any) -> None:
    usage = {"include_usage": True}
    asked = api.chat.completions.create(model=MODEL, messages=[asks(PROMPT)], stream=True, stream_options=usage)
    chunks = await listed(asked)
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    expect([shown(delta) for delta in deltas if getattr(delta, "images", None)], [SQUARE])
    expect(chunks[-1].usage.total_tokens > 1000, True)


async def responses(api: Any) -> None:
    tools = [{"type": "image_generation", "size": "1536x1024", "quality": "high"}]
    answer = await now(api.responses.create(model=MODEL, input=PROMPT, tools=tools))
    expect((answer.status, drawn(answer)), ("completed", (1264, 848)))
    expect(answer.usage.total_tokens > 1000, True)


async def responses_picture(api: Any) -> None:
    url = "data:image/png;base64," + base64.b64encode(await boat(api)).decode()
    content = [{"type": "input_text", "text": "make it night"}, {"type": "input_image", "image_url": url}]
    answer = await now(api.responses.create(model=MODEL, input=[{"role": "user", "content": content}]))
    expect(drawn(answer), (1376, 768))


async def responses_stream(api: Any) -> None:
    events = await listed(api.responses.create(model=MODEL, input=PROMPT, stream=True))
    expect((events[0].type, events[-1].type), ("response.created", "response.completed"))
    expect(drawn(events[-1].response), SQUARE)


async def models(api: Any) -> None:
    expect(MODEL in [each.id for each in await listed(api.models.list())], True)
    expect((await now(api.models.retrieve(f"{MODEL}-4k"))).id, f"{MODEL}-4k")


async def refused(call: Any, kind: type[openai.APIStatusError], *told: Any, **asked: Any) -> None:
    """That a call ends in the SDK's own exception, with the status, code and parameter given."""
    try:
        await now(call(**asked))
    except kind as error:
        expect((error.status_code, error.code, error.param), told)
    else:
        raise ValueError("was answered")


async def bad_key(api: Any) -> None:
    stranger = api.with_options(api_key="sk-gw-" + "x" * 43).images.generate
    await refused(stranger, openai.AuthenticationError, 401, "invalid_api_key", None, model=MODEL, prompt=PROMPT)


async def unknown_model(api: Any) -> None:
    asked = {"model": "gpt-image-1", "messages": [asks(PROMPT)]}
    await refused(api.chat.completions.create, openai.NotFoundError, 404, "model_not_found", "model", **asked)


async def wrong_size(api: Any) -> None:
    asked = {"model": MODEL, "prompt": PROMPT, "size": "7:5"}
    await refused(api.images.generate, openai.BadRequestError, 400, "invalid_value", "size", **asked)


CALLS = {
    "images.generate": generate,
    "images.generate, 4K 21:9": generate_4k,
    "images.generate, n=2": generate_two,
    "images.generate, as a URL": generate_url,
    "images.generate, streamed": generate_stream,
    "images.edit": edit,
    "images.edit, two pictures": edit_two,
    "images.edit, streamed": edit_stream,
    "chat.completions": chat,
    "chat.completions, n=2": chat_two,
    "chat.completions, a picture in": chat_picture,
    "chat.completions, three turns at 4K": chat_turns,
    "chat.completions, streamed": chat_stream,
    "responses": responses,
    "responses, a picture in": responses_picture,
    "responses, streamed": responses_stream,
    "models.list, models.retrieve": models,
    "a wrong key is a 401": bad_key,
    "an unknown model is a 404": unknown_model,
    "a wrong size is a 400": wrong_size,
}


async def main(base: str, key: str) -> None:
    options: dict[str, Any] = {"base_url": f"{base}/v1", "api_key": key, "max_retries": 0}
    with openai.OpenAI(**options) as plain:
        async with openai.AsyncOpenAI(**options) as later:
            await tell(openai.__version__, CALLS, {"sync": plain, "async": later})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
