"""LlamaIndex's models for OpenAI's chat completions and responses and for Google.

Arguments: base address, key. Prints one JSON object, see `trial.tell`.
"""

import asyncio
import base64
import re
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import openai
from google.genai import errors, types
from llama_index.core.llms import LLM, ChatMessage, ImageBlock, TextBlock
from llama_index.llms.google_genai import GoogleGenAI
from llama_index.llms.openai_like import OpenAILike, OpenAILikeResponses

from tests.sdks.trial import expect, listed, size, tell

MODEL = "gemini-3.1-flash-image-preview"
PROMPT = "a paper boat"
WISHES = (PROMPT, "make it night", "add a moon")
WIDE, BANNER = (1376, 768), (3168, 1344)

PICTURE = re.compile(r"!\[image\]\(data:image/\w+;base64,([^)]+)\)")


class Api(NamedTuple):
    """The gateway, and how a model is asked: by its methods that wait, or by those that are waited for."""

    base: str
    key: str
    waits: bool

    def chat(self, model: str = MODEL, **form: Any) -> OpenAILike:
        """LlamaIndex takes a message's text alone: pictures reach it as Markdown."""
        body = {"image_response_format": "markdown", **form}
        more: dict[str, Any] = {"is_chat_model": True, "max_retries": 0, "additional_kwargs": {"extra_body": body}}
        return OpenAILike(model=model, api_base=f"{self.base}/v1", api_key=self.key, **more)

    def responses(self, *modalities: str, **tool: Any) -> OpenAILikeResponses:
        drawing = [{"type": "image_generation", **tool}]
        more: dict[str, Any] = {"max_retries": 0, "built_in_tools": drawing}
        if modalities:
            more["additional_kwargs"] = {"extra_body": {"modalities": modalities}}
        return OpenAILikeResponses(model=MODEL, api_base=f"{self.base}/v1", api_key=self.key, **more)

    def google(self, model: str = MODEL, **form: Any) -> GoogleGenAI:
        image = types.ImageConfig(**form) if form else None
        config = types.GenerateContentConfig(response_modalities=["TEXT", "IMAGE"], image_config=image)
        http = types.HttpOptions(base_url=self.base)
        return GoogleGenAI(model=model, api_key=self.key, http_options=http, generation_config=config, max_retries=0)

    async def ask(self, model: LLM, said: Sequence[ChatMessage]) -> Any:
        """GoogleGenAI runs an event loop of its own where it waits, so that is done beside this one."""
        return await (asyncio.to_thread(model.chat, said) if self.waits else model.achat(said))

    async def stream(self, model: LLM, said: Sequence[ChatMessage]) -> list[Any]:
        if self.waits:
            return await asyncio.to_thread(lambda: list(model.stream_chat(said)))
        return await listed(model.astream_chat(said))


def asks(text: str, *pictures: bytes) -> ChatMessage:
    return ChatMessage(role="user", blocks=[TextBlock(text=text), *(ImageBlock(image=each) for each in pictures)])


def written(answer: Any) -> list[bytes]:
    """The pictures in a message's Markdown."""
    return [base64.b64decode(found) for found in PICTURE.findall(answer.message.content)]


def drawn(answer: Any) -> list[bytes]:
    """The pictures among a message's blocks."""
    return [block.resolve_image().read() for block in answer.message.blocks if isinstance(block, ImageBlock)]


def sizes(pictures: list[bytes]) -> list[tuple[int, int]]:
    return [size(picture) for picture in pictures]


async def chat(api: Api) -> None:
    answer = await api.ask(api.chat(aspect_ratio="21:9", image_size="2K"), [asks(PROMPT)])
    expect(sizes(written(answer)), [BANNER])
    expect(answer.additional_kwargs["completion_tokens"] > 1000, True)


async def chat_picture(api: Api) -> None:
    (picture,) = written(await api.ask(api.chat(aspect_ratio="16:9"), [asks(PROMPT)]))
    expect(sizes(written(await api.ask(api.chat(), [asks("make it night", picture)]))), [WIDE])


async def chat_turns(api: Api) -> None:
    said: list[ChatMessage] = []
    for wish in WISHES:
        answer = await api.ask(api.chat(aspect_ratio="16:9"), [*said, asks(wish)])
        said += [asks(wish), answer.message]
        expect(sizes(written(answer)), [WIDE])
    expect(answer.additional_kwargs["prompt_tokens"] > 2000, True)  # both earlier pictures were shown


async def chat_stream(api: Api) -> None:
    told = await api.stream(api.chat(aspect_ratio="16:9"), [asks(PROMPT)])
    expect(sizes(written(told[-1])), [WIDE])


async def responses(api: Api) -> None:
    answer = await api.ask(api.responses(size="16:9"), [asks(PROMPT)])
    expect(sizes(drawn(answer)), [WIDE])
    expect(answer.raw.usage.output_tokens > 1000, True)


async def responses_wordless(api: Api) -> None:
    """LlamaIndex takes pictures up with the message that follows them, be it empty: OpenAI's answers have one."""
    answer = await api.ask(api.responses("image", size="16:9"), [asks(PROMPT)])
    expect(sizes(drawn(answer)), [WIDE])
    told = await api.stream(api.responses("image", size="16:9"), [asks(PROMPT)])
    expect(sizes(drawn(told[-1])), [WIDE])


async def responses_picture(api: Api) -> None:
    (picture,) = drawn(await api.ask(api.responses(size="16:9"), [asks(PROMPT)]))
    expect(sizes(drawn(await api.ask(api.responses(), [asks("make it night", picture)]))), [WIDE])


async def responses_turns(api: Api) -> None:
    said: list[ChatMessage] = []
    for wish in WISHES:
        answer = await api.ask(api.responses(size="16:9"), [*said, asks(wish)])
        said += [asks(wish), answer.message]
        expect(sizes(drawn(answer)), [WIDE])
    expect(answer.raw.usage.input_tokens > 2000, True)


async def responses_stream(api: Api) -> None:
    told = await api.stream(api.responses(size="16:9"), [asks(PROMPT)])
    expect(sizes(drawn(told[-1])), [WIDE])


async def google(api: Api) -> None:
    answer = await api.ask(api.google(aspect_ratio="21:9", image_size="2K"), [asks(PROMPT)])
    expect(sizes(drawn(answer)), [BANNER])
    expect(answer.additional_kwargs["completion_tokens"] > 1000, True)


async def google_picture(api: Api) -> None:
    (picture,) = drawn(await api.ask(api.google(aspect_ratio="16:9"), [asks(PROMPT)]))
    expect(sizes(drawn(await api.ask(api.google(), [asks("make it night", picture)]))), [WIDE])


async def google_turns(api: Api) -> None:
    model = api.google(aspect_ratio="16:9")
    said: list[ChatMessage] = []
    for wish in WISHES:
        answer = await api.ask(model, [*said, asks(wish)])
        said += [asks(wish), answer.message]
        expect(sizes(drawn(answer)), [WIDE])
    expect(answer.additional_kwargs["prompt_tokens"] > 2000, True)


async def google_stream(api: Api) -> None:
    told = await api.stream(api.google(aspect_ratio="16:9"), [asks(PROMPT)])
    expect(sizes(drawn(told[-1])), [WIDE])


async def chat_refused(api: Api, model: LLM, kind: type[Exception]) -> None:
    """That a call ends in the exception that LlamaIndex hands on: that of OpenAI's SDK."""
    try:
        await api.ask(model, [asks(PROMPT)])
    except kind:
        return
    raise ValueError("was answered")


async def chat_bad_key(api: Api) -> None:
    await chat_refused(api, api._replace(key="sk-gw-" + "x" * 43).chat(), openai.AuthenticationError)


async def chat_unknown(api: Api) -> None:
    await chat_refused(api, api.chat("gpt-image-1"), openai.NotFoundError)


async def google_refused(api: Api, code: int, model: str = MODEL) -> None:
    """GoogleGenAI asks what the model is as soon as it is made, so that is where it ends."""
    try:
        await asyncio.to_thread(api.google, model)
    except errors.ClientError as error:
        expect(error.code, code)
    else:
        raise ValueError("was answered")


async def google_bad_key(api: Api) -> None:
    await google_refused(api._replace(key="sk-gw-" + "x" * 43), 400)


async def google_unknown(api: Api) -> None:
    await google_refused(api, 404, "gemini-nope")


CALLS = {
    "OpenAILike, 2K 21:9": chat,
    "OpenAILike, a picture in": chat_picture,
    "OpenAILike, three turns": chat_turns,
    "OpenAILike, streamed": chat_stream,
    "OpenAILike, a wrong key": chat_bad_key,
    "OpenAILike, an unknown model": chat_unknown,
    "OpenAILikeResponses, a picture": responses,
    "OpenAILikeResponses, a picture without words": responses_wordless,
    "OpenAILikeResponses, a picture in": responses_picture,
    "OpenAILikeResponses, three turns": responses_turns,
    "OpenAILikeResponses, streamed": responses_stream,
    "GoogleGenAI, 2K 21:9": google,
    "GoogleGenAI, a picture in": google_picture,
    "GoogleGenAI, three turns": google_turns,
    "GoogleGenAI, streamed": google_stream,
    "GoogleGenAI, a wrong key": google_bad_key,
    "GoogleGenAI, an unknown model": google_unknown,
}


async def main(base: str, key: str) -> None:
    await tell(version("llama-index-core"), CALLS, {"sync": Api(base, key, True), "async": Api(base, key, False)})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
