"""LangChain's chat models for OpenAI and for Google, as their users would have them draw.

Arguments: base address, key. Prints one JSON object, see `trial.tell`.
"""

import asyncio
import base64
import re
import sys
from importlib.metadata import version
from operator import methodcaller
from typing import Any, NamedTuple

from langchain_core.exceptions import ModelAuthenticationError, ModelInvalidRequestError, ModelNotFoundError
from langchain_core.messages import HumanMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

from tests.sdks.trial import expect, listed, now, size, tell

MODEL = "gemini-3.1-flash-image-preview"
PROMPT = "a paper boat"
WISHES = (PROMPT, "make it night", "add a moon")
WIDE, BANNER = (1376, 768), (6336, 2688)

# ChatOpenAI keeps a message's text and no field that it does not know: pictures reach it as Markdown.
MARKDOWN = {"image_response_format": "markdown"}
PICTURE = re.compile(r"!\[image\]\(data:image/\w+;base64,([^)]+)\)")


class Api(NamedTuple):
    """The gateway, and how a model is asked: by its methods that wait, or by those that are waited for."""

    base: str
    key: str
    prefix: str

    def openai(self, **more: Any) -> ChatOpenAI:
        return ChatOpenAI(**{"model": MODEL, "base_url": f"{self.base}/v1", "api_key": self.key, **more})

    def markdown(self, **more: Any) -> ChatOpenAI:
        return self.openai(extra_body={**MARKDOWN, **more})

    def responses(self, **tool: Any) -> Any:
        """Only where `store` is off does LangChain send earlier pictures themselves, else their ids."""
        model = self.openai(use_responses_api=True, store=False)
        return model.bind_tools([{"type": "image_generation", **tool}])

    def google(self, **more: Any) -> ChatGoogleGenerativeAI:
        return ChatGoogleGenerativeAI(**{"model": MODEL, "base_url": self.base, "api_key": self.key, **more})

    async def ask(self, model: Any, said: Any) -> Any:
        return await now(methodcaller(f"{self.prefix}invoke", said)(model))

    async def stream(self, model: Any, said: Any) -> Any:
        """What the pieces of an answer add up to."""
        first, *others = await listed(methodcaller(f"{self.prefix}stream", said)(model))
        return sum(others, first)


def written(message: Any) -> list[bytes]:
    """The pictures in a message's Markdown."""
    return [base64.b64decode(found) for found in PICTURE.findall(message.content)]


def drawn(message: Any) -> list[bytes]:
    """The pictures among a message's parts, in the one form that LangChain has for every provider."""
    return [base64.b64decode(block["base64"]) for block in message.content_blocks if block["type"] == "image"]


def shown(picture: bytes) -> list[HumanMessage]:
    block = {"type": "image", "base64": base64.b64encode(picture).decode(), "mime_type": "image/png"}
    return [HumanMessage([{"type": "text", "text": "make it night"}, block])]


def sizes(pictures: list[bytes]) -> list[tuple[int, int]]:
    return [size(picture) for picture in pictures]


async def chat(api: Api) -> None:
    message = await api.ask(api.markdown(aspect_ratio="16:9"), PROMPT)
    expect(sizes(written(message)), [WIDE])
    expect(message.usage_metadata["total_tokens"] > 1000, True)


async def chat_4k(api: Api) -> None:
    config = {"aspect_ratio": "21:9", "image_size": "4K"}
    expect(sizes(written(await api.ask(api.markdown(image_config=config), PROMPT))), [BANNER])


async def chat_picture(api: Api) -> None:
    (picture,) = written(await api.ask(api.markdown(aspect_ratio="16:9"), PROMPT))
    expect(sizes(written(await api.ask(api.markdown(), shown(picture)))), [WIDE])


async def chat_turns(api: Api) -> None:
    said: list[Any] = []
    for wish in WISHES:
        said.append(HumanMessage(wish))
        said.append(await api.ask(api.markdown(aspect_ratio="16:9"), said))
        expect(sizes(written(said[-1])), [WIDE])
    expect(said[-1].usage_metadata["input_tokens"] > 2000, True)  # both earlier pictures were shown


async def chat_stream(api: Api) -> None:
    message = await api.stream(api.openai(extra_body={**MARKDOWN, "aspect_ratio": "16:9"}, stream_usage=True), PROMPT)
    expect(sizes(written(message)), [WIDE])
    expect(message.usage_metadata["total_tokens"] > 1000, True)


async def responses(api: Api) -> None:
    message = await api.ask(api.responses(size="16:9"), PROMPT)
    expect(sizes(drawn(message)), [WIDE])
    expect(message.usage_metadata["total_tokens"] > 1000, True)


async def responses_picture(api: Api) -> None:
    (picture,) = drawn(await api.ask(api.responses(size="16:9"), PROMPT))
    expect(sizes(drawn(await api.ask(api.responses(), shown(picture)))), [WIDE])


async def responses_turns(api: Api) -> None:
    said: list[Any] = []
    for wish in WISHES:
        said.append(HumanMessage(wish))
        said.append(await api.ask(api.responses(size="16:9"), said))
        expect(sizes(drawn(said[-1])), [WIDE])
    expect(said[-1].usage_metadata["input_tokens"] > 2000, True)  # both earlier pictures were shown


async def responses_stream(api: Api) -> None:
    message = await api.stream(api.responses(size="16:9"), PROMPT)
    expect(sizes(drawn(message)), [WIDE])
    expect(message.usage_metadata["total_tokens"] > 1000, True)


async def google(api: Api) -> None:
    message = await api.ask(api.google(image_config={"aspect_ratio": "21:9", "image_size": "4K"}), PROMPT)
    expect(sizes(drawn(message)), [BANNER])
    expect(message.usage_metadata["total_tokens"] > 1000, True)


async def google_picture(api: Api) -> None:
    (picture,) = drawn(await api.ask(api.google(image_config={"aspect_ratio": "16:9"}), PROMPT))
    expect(sizes(drawn(await api.ask(api.google(), shown(picture)))), [WIDE])


async def google_turns(api: Api) -> None:
    model = api.google(image_config={"aspect_ratio": "16:9"})
    said: list[Any] = []
    for wish in WISHES:
        said.append(HumanMessage(wish))
        said.append(await api.ask(model, said))
        expect(sizes(drawn(said[-1])), [WIDE])
    expect(said[-1].usage_metadata["input_tokens"] > 2000, True)  # both earlier pictures were shown


async def google_stream(api: Api) -> None:
    message = await api.stream(api.google(image_config={"aspect_ratio": "16:9"}), PROMPT)
    expect(sizes(drawn(message)), [WIDE])
    expect(message.usage_metadata["total_tokens"] > 1000, True)


async def refused(api: Api, model: Any, kind: type[Exception]) -> None:
    """That a call ends in LangChain's own exception, the same for every provider."""
    try:
        await api.ask(model, PROMPT)
    except kind:
        return
    raise ValueError("was answered")


async def chat_bad_key(api: Api) -> None:
    await refused(api, api.openai(api_key="sk-gw-" + "x" * 43), ModelAuthenticationError)


async def chat_unknown(api: Api) -> None:
    await refused(api, api.openai(model="gpt-image-1"), ModelNotFoundError)


async def google_bad_key(api: Api) -> None:
    await refused(api, api.google(api_key="sk-gw-" + "x" * 43), ModelInvalidRequestError)  # Google's own status, 400


async def google_unknown(api: Api) -> None:
    await refused(api, api.google(model="gemini-nope"), ModelNotFoundError)


CALLS = {
    "ChatOpenAI, a picture": chat,
    "ChatOpenAI, 4K 21:9": chat_4k,
    "ChatOpenAI, a picture in": chat_picture,
    "ChatOpenAI, three turns": chat_turns,
    "ChatOpenAI, streamed": chat_stream,
    "ChatOpenAI, responses": responses,
    "ChatOpenAI, responses, a picture in": responses_picture,
    "ChatOpenAI, responses, three turns": responses_turns,
    "ChatOpenAI, responses, streamed": responses_stream,
    "ChatOpenAI, a wrong key": chat_bad_key,
    "ChatOpenAI, an unknown model": chat_unknown,
    "ChatGoogleGenerativeAI, 4K 21:9": google,
    "ChatGoogleGenerativeAI, a picture in": google_picture,
    "ChatGoogleGenerativeAI, three turns": google_turns,
    "ChatGoogleGenerativeAI, streamed": google_stream,
    "ChatGoogleGenerativeAI, a wrong key": google_bad_key,
    "ChatGoogleGenerativeAI, an unknown model": google_unknown,
}


async def main(base: str, key: str) -> None:
    tried = f"{version('langchain-openai')}, langchain-google-genai {version('langchain-google-genai')}"
    await tell(tried, CALLS, {"sync": Api(base, key, ""), "async": Api(base, key, "a")})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
