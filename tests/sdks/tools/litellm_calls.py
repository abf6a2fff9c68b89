"""LiteLLM as a client: its images, completions and responses, through its OpenAI and its Gemini provider.

Arguments: base address, key. Prints one JSON object, see `trial.tell`. LiteLLM fetches its price list from the network
unless LITELLM_OFFLINE_MODE is true when it is imported.
"""

import asyncio
import base64
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

import litellm

from tests.sdks.trial import expect, listed, now, size, tell

MODEL = "gemini-3.1-flash-image-preview"
PROMPT = "a paper boat"
WISHES = (PROMPT, "make it night", "add a moon")
WIDE, BANNER = (1376, 768), (6336, 2688)


class Provider(NamedTuple):
    """What a model is called with, and at which path of the gateway it is found."""

    name: str
    path: str


OPENAI = Provider("openai", "/v1")
GEMINI = Provider("gemini", "/v1beta")


class Api(NamedTuple):
    """The gateway, and how LiteLLM is asked: by its functions that wait, or by those that are waited for."""

    base: str
    key: str
    prefix: str

    async def __call__(self, function: str, provider: Provider, model: str = MODEL, **asked: Any) -> Any:
        call: Callable[..., Any] = getattr(litellm, f"{self.prefix}{function}")
        where = {"api_base": f"{self.base}{provider.path}", "api_key": self.key, "max_retries": 0}
        return await now(call(model=f"{provider.name}/{model}", **where, **asked))

    async def stream(self, function: str, provider: Provider, **asked: Any) -> list[Any]:
        """All that a stream tells. LiteLLM's can be read in both ways, of which one works."""
        told = await self(function, provider, stream=True, **asked)
        return await listed(told) if self.prefix else list(told)


def sizes(answer: Any) -> list[tuple[int, int]]:
    return [size(base64.b64decode(each.b64_json)) for each in answer.data]


def picture_of(message: Any) -> bytes:
    """The one picture of a message, or of the delta of a stream."""
    (image,) = message["images"]
    return base64.b64decode(image["image_url"]["url"].partition(";base64,")[2])


def shown(picture: bytes) -> list[dict[str, Any]]:
    url = "data:image/png;base64," + base64.b64encode(picture).decode()
    content = [{"type": "text", "text": "make it night"}, {"type": "image_url", "image_url": {"url": url}}]
    return [{"role": "user", "content": content}]


def asks(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def image(provider: Provider) -> Callable[[Api], Any]:
    async def call(api: Api) -> None:
        answer = await api("image_generation", provider, prompt=PROMPT, size="1376x768")
        expect(sizes(answer), [WIDE])
        expect(answer.usage.output_tokens > 1000, True)

    return call


async def image_4k(api: Api) -> None:
    config = {"aspectRatio": "21:9", "imageSize": "4K"}
    expect(sizes(await api("image_generation", GEMINI, prompt=PROMPT, imageConfig=config)), [BANNER])


def edit(provider: Provider) -> Callable[[Api], Any]:
    async def call(api: Api) -> None:
        first = await api("image_generation", provider, prompt=PROMPT, size="1376x768")
        picture = base64.b64decode(first.data[0].b64_json)
        expect(sizes(await api("image_edit", provider, prompt="make it night", image=picture)), [WIDE])

    return call


def completion(provider: Provider, **form: Any) -> Callable[[Api], Any]:
    async def call(api: Api) -> None:
        answer = await api("completion", provider, messages=[asks(PROMPT)], **form)
        expect(size(picture_of(answer.choices[0].message)), WIDE)
        expect(answer.usage.completion_tokens > 1000, True)

    return call


def picture_in(provider: Provider, **form: Any) -> Callable[[Api], Any]:
    async def call(api: Api) -> None:
        first = await api("completion", provider, messages=[asks(PROMPT)], **form)
        answer = await api("completion", provider, messages=shown(picture_of(first.choices[0].message)))
        expect(size(picture_of(answer.choices[0].message)), WIDE)

    return call


def turns(provider: Provider, **form: Any) -> Callable[[Api], Any]:
    async def call(api: Api) -> None:
        said: list[Any] = []
        for wish in WISHES:
            said.append(asks(wish))
            answer = await api("completion", provider, messages=said, **form)
            said.append(answer.choices[0].message)
            expect(size(picture_of(said[-1])), WIDE)
        expect(answer.usage.prompt_tokens > 2000, True)  # both earlier pictures were shown

    return call


def stream(provider: Provider, **form: Any) -> Callable[[Api], Any]:
    async def call(api: Api) -> None:
        asked = {"messages": [asks(PROMPT)], "stream_options": {"include_usage": True}}
        chunks = await api.stream("completion", provider, **asked, **form)
        whole = litellm.stream_chunk_builder(chunks)
        assert whole is not None
        expect(size(picture_of(whole["choices"][0]["message"])), WIDE)
        expect(whole["usage"].completion_tokens > 1000, True)

    return call


async def responses(api: Api) -> None:
    tools = [{"type": "image_generation", "size": "16:9"}]
    answer = await api("responses", OPENAI, input=PROMPT, tools=tools)
    (drawn,) = [item for item in answer.output if item.type == "image_generation_call"]
    expect(size(base64.b64decode(drawn.result)), WIDE)


async def responses_stream(api: Api) -> None:
    tools = [{"type": "image_generation", "size": "16:9"}]
    events = await api.stream("responses", OPENAI, input=PROMPT, tools=tools)
    (drawn,) = [item for item in events[-1].response.output if item.type == "image_generation_call"]
    expect(size(base64.b64decode(drawn.result)), WIDE)


def bad_key(provider: Provider, kind: type[Exception]) -> Callable[[Api], Any]:
    async def call(api: Api) -> None:
        stranger = api._replace(key="sk-gw-" + "x" * 43)
        await refused(stranger("completion", provider, messages=[asks(PROMPT)]), kind)

    return call


def unknown_model(provider: Provider) -> Callable[[Api], Any]:
    async def call(api: Api) -> None:
        asked = api("completion", provider, "gemini-nope", messages=[asks(PROMPT)])
        await refused(asked, litellm.NotFoundError)

    return call


async def refused(asked: Any, kind: type[Exception]) -> None:
    """That a call ends in LiteLLM's own exception, which is the same for every provider."""
    try:
        await asked
    except kind:
        return
    raise ValueError("was answered")


FORM = {"extra_body": {"aspect_ratio": "16:9"}}
CONFIG = {"modalities": ["text", "image"], "imageConfig": {"aspectRatio": "16:9"}}

CALLS = {
    "openai/, image_generation": image(OPENAI),
    "openai/, image_edit": edit(OPENAI),
    "openai/, completion": completion(OPENAI, **FORM),
    "openai/, completion, a picture in": picture_in(OPENAI, **FORM),
    "openai/, completion, three turns": turns(OPENAI, **FORM),
    "openai/, completion, streamed": stream(OPENAI, **FORM),
    "openai/, responses": responses,
    "openai/, responses, streamed": responses_stream,
    "openai/, a wrong key": bad_key(OPENAI, litellm.AuthenticationError),
    "openai/, an unknown model": unknown_model(OPENAI),
    "gemini/, image_generation": image(GEMINI),
    "gemini/, image_generation, 4K 21:9": image_4k,
    "gemini/, image_edit": edit(GEMINI),
    "gemini/, completion": completion(GEMINI, **CONFIG),
    "gemini/, completion, a picture in": picture_in(GEMINI, **CONFIG),
    "gemini/, completion, three turns": turns(GEMINI, **CONFIG),
    "gemini/, completion, streamed": stream(GEMINI, **CONFIG),
    "gemini/, a wrong key": bad_key(GEMINI, litellm.AuthenticationError),
    "gemini/, an unknown model": unknown_model(GEMINI),
}


async def main(base: str, key: str) -> None:
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    await tell(version("litellm"), CALLS, {"sync": Api(base, key, ""), "async": Api(base, key, "a")})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
