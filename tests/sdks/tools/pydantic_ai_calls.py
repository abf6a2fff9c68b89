"""Pydantic AI's agents and image generators, with its OpenAI and its Google provider.

Arguments: base address, key. Prints one JSON object, see `trial.tell`.
"""

import asyncio
import base64
import re
import sys
from importlib.metadata import version
from typing import Any, NamedTuple

from pydantic_ai import Agent, BinaryImage
from pydantic_ai.capabilities import NativeTool
from pydantic_ai.exceptions import ContentFilterError, ModelHTTPError
from pydantic_ai.images import ImageGenerator
from pydantic_ai.images.google import GoogleImageGenerationModel
from pydantic_ai.images.openai import OpenAIImageGenerationModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.native_tools import ImageGenerationTool
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

from tests.sdks.trial import expect, size, tell

MODEL = "gemini-3.1-flash-image-preview"
PROMPT = "a paper boat"
WISHES = (PROMPT, "make it night", "add a moon")
WIDE, BANNER = (1376, 768), (3168, 1344)

PICTURE = re.compile(r"!\[image\]\(data:image/\w+;base64,([^)]+)\)")

# Pydantic AI knows OpenAI's own models by their names; of others it has to be told that they draw.
DRAWS = OpenAIModelProfile(supports_image_output=True)


class Api(NamedTuple):
    base: str
    key: str

    @property
    def openai(self) -> OpenAIProvider:
        return OpenAIProvider(base_url=f"{self.base}/v1", api_key=self.key)

    @property
    def google(self) -> GoogleProvider:
        return GoogleProvider(base_url=self.base, api_key=self.key)

    def chat(self, model: str = MODEL, **more: Any) -> Agent[None, str]:
        """Chat completions come as text; the gateway knows this caller and has the pictures in it as Markdown."""
        return Agent(OpenAIChatModel(model, provider=self.openai), model_settings={"extra_body": more})

    def responses(self, **form: Any) -> Agent[None, BinaryImage]:
        model = OpenAIResponsesModel(MODEL, provider=self.openai, profile=DRAWS)
        return Agent(model, output_type=BinaryImage, capabilities=[NativeTool(ImageGenerationTool(**form))])

    def gemini(self, model: str = MODEL, **form: Any) -> Agent[None, BinaryImage]:
        drawing = [NativeTool(ImageGenerationTool(**form))] if form else []
        return Agent(GoogleModel(model, provider=self.google), output_type=BinaryImage, capabilities=drawing)


def written(text: str) -> list[bytes]:
    """The pictures in Markdown."""
    return [base64.b64decode(found) for found in PICTURE.findall(text)]


def sizes(text: str) -> list[tuple[int, int]]:
    return [size(picture) for picture in written(text)]


async def chat(api: Api) -> None:
    answer = await api.chat(aspect_ratio="21:9", image_size="2K").run(PROMPT)
    expect(sizes(answer.output), [BANNER])
    expect(answer.usage.output_tokens > 1000, True)


async def chat_picture(api: Api) -> None:
    (picture,) = written((await api.chat(aspect_ratio="16:9").run(PROMPT)).output)
    answer = await api.chat().run(["make it night", BinaryImage(picture, media_type="image/png")])
    expect(sizes(answer.output), [WIDE])


async def chat_turns(api: Api) -> None:
    agent = api.chat(aspect_ratio="16:9")
    said: list[Any] = []
    for wish in WISHES:
        answer = await agent.run(wish, message_history=said)
        said = answer.all_messages()
        expect(sizes(answer.output), [WIDE])
    expect(answer.usage.input_tokens > 2000, True)  # both earlier pictures were shown


async def chat_stream(api: Api) -> None:
    async with api.chat(aspect_ratio="16:9").run_stream(PROMPT) as stream:
        expect(sizes(await stream.get_output()), [WIDE])
    expect(stream.usage.output_tokens > 1000, True)


async def responses(api: Api) -> None:
    answer = await api.responses(aspect_ratio="3:2").run(PROMPT)
    expect(size(answer.output.data), (1264, 848))
    expect(answer.usage.output_tokens > 1000, True)


async def responses_picture(api: Api) -> None:
    drawn = (await api.responses(aspect_ratio="3:2").run(PROMPT)).output
    expect(size((await api.responses().run(["make it night", drawn])).output.data), (1264, 848))


async def responses_refusal(api: Api) -> None:
    """An error at once: taken for an answer without the picture, it would be asked for and paid again."""
    try:
        await api.responses().run(f"{PROMPT} [sim:refusal]")
    except ContentFilterError:
        return
    raise ValueError("was answered")


async def responses_stream(api: Api) -> None:
    async with api.responses(aspect_ratio="3:2").run_stream(PROMPT) as stream:
        expect(size((await stream.get_output()).data), (1264, 848))
    expect(stream.usage.output_tokens > 1000, True)


async def gemini(api: Api) -> None:
    answer = await api.gemini(aspect_ratio="21:9", size="2K").run(PROMPT)
    expect(size(answer.output.data), BANNER)
    expect(answer.usage.output_tokens > 1000, True)


async def gemini_picture(api: Api) -> None:
    drawn = (await api.gemini(aspect_ratio="16:9").run(PROMPT)).output
    expect(size((await api.gemini().run(["make it night", drawn])).output.data), WIDE)


async def gemini_turns(api: Api) -> None:
    said: list[Any] = []
    for wish in WISHES:
        answer = await api.gemini(aspect_ratio="16:9").run(wish, message_history=said)
        said = answer.all_messages()
        expect(size(answer.output.data), WIDE)
    expect(answer.usage.input_tokens > 2000, True)


async def gemini_stream(api: Api) -> None:
    async with api.gemini(aspect_ratio="16:9").run_stream(PROMPT) as stream:
        expect(size((await stream.get_output()).data), WIDE)
    expect(stream.usage.output_tokens > 1000, True)


async def images(api: Api) -> None:
    drawing = ImageGenerator(OpenAIImageGenerationModel(MODEL, provider=api.openai))
    answer = await drawing.generate(PROMPT, settings={"dimensions": WIDE})
    expect(size(answer.image.data), WIDE)
    answer = await drawing.generate("make it night", images=[answer.image])
    expect(size(answer.image.data), WIDE)
    expect(answer.usage.output_tokens > 1000, True)


async def gemini_images(api: Api) -> None:
    drawing = ImageGenerator(GoogleImageGenerationModel(MODEL, provider=api.google))
    answer = await drawing.generate(PROMPT, settings={"aspect_ratio": "16:9"})
    expect(size(answer.image.data), WIDE)
    answer = await drawing.generate("make it night", images=[answer.image])
    expect(size(answer.image.data), WIDE)
    expect(answer.usage.output_tokens > 1000, True)


async def refused(agent: Agent[None, Any], status: int) -> None:
    try:
        await agent.run(PROMPT)
    except ModelHTTPError as error:
        expect(error.status_code, status)
    else:
        raise ValueError("was answered")


async def chat_bad_key(api: Api) -> None:
    await refused(api._replace(key="sk-gw-" + "x" * 43).chat(), 401)


async def chat_unknown(api: Api) -> None:
    await refused(api.chat("gpt-image-1"), 404)


async def gemini_bad_key(api: Api) -> None:
    await refused(api._replace(key="sk-gw-" + "x" * 43).gemini(), 400)


async def gemini_unknown(api: Api) -> None:
    await refused(api.gemini("gemini-nope-image"), 404)


CALLS = {
    "OpenAIChatModel, 2K 21:9": chat,
    "OpenAIChatModel, a picture in": chat_picture,
    "OpenAIChatModel, three turns": chat_turns,
    "OpenAIChatModel, streamed": chat_stream,
    "OpenAIChatModel, a wrong key": chat_bad_key,
    "OpenAIChatModel, an unknown model": chat_unknown,
    "OpenAIResponsesModel, a picture": responses,
    "OpenAIResponsesModel, a picture in": responses_picture,
    "OpenAIResponsesModel, a refusal": responses_refusal,
    "OpenAIResponsesModel, streamed": responses_stream,
    "OpenAIImageGenerationModel, a picture and its edit": images,
    "GoogleModel, 2K 21:9": gemini,
    "GoogleModel, a picture in": gemini_picture,
    "GoogleModel, three turns": gemini_turns,
    "GoogleModel, streamed": gemini_stream,
    "GoogleModel, a wrong key": gemini_bad_key,
    "GoogleModel, an unknown model": gemini_unknown,
    "GoogleImageGenerationModel, a picture and its edit": gemini_images,
}


async def main(base: str, key: str) -> None:
    await tell(version("pydantic-ai-slim"), CALLS, {"async": Api(base, key)})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
