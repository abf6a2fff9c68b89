"""The command `llm`, with models of its file of further OpenAI models. Pictures are in what it logs of the answers.

Arguments: base address, key. Prints one JSON object, see `trial.tell`.
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from tests.sdks.trial import expect, size, tell

MODEL = "gemini-3.1-flash-image-preview"
PROMPT = "a paper boat"
SQUARE, WIDE = (1024, 1024), (1376, 768)


class Llm(NamedTuple):
    """The command, with a folder of its own for its models, keys and log."""

    folder: Path

    def set_up(self, base: str, key: str) -> None:
        models = [
            _model("chat", base),
            _model("responses", base, responses=True),
            _model("2k", base, responses=True, model_name=f"{MODEL}-2k"),
            _model("unknown", base, model_name="gpt-image-1"),
        ]
        # YAML is JSON and more.
        (self.folder / "extra-openai-models.yaml").write_text(json.dumps(models))
        self("keys", "set", "gateway", "--value", key)

    def __call__(self, *asked: Path | str) -> str:
        done = self.run(*asked)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout

    def run(self, *asked: Path | str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LLM_USER_PATH": str(self.folder)}
        command = [sys.executable, "-W", "ignore", "-m", "llm", *asked]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    @property
    def answer(self) -> dict[str, Any]:
        """The last answer, as the gateway gave it."""
        (turn,) = json.loads(self("logs", "-n", "1", "--json"))
        expect(turn["output_tokens"] > 1000, True)
        found: dict[str, Any] = turn["response_json"]
        return found


def _model(name: str, base: str, **more: Any) -> dict[str, Any]:
    return {
        "model_id": name,
        "model_name": MODEL,
        "api_base": f"{base}/v1",
        "api_key_name": "gateway",
        "vision": True,
        **more,
    }


def drawn(answer: dict[str, Any]) -> tuple[int, int]:
    (picture,) = [item["result"] for item in answer["output"] if item["type"] == "image_generation_call"]
    return size(base64.b64decode(picture))


async def chat(llm: Llm) -> None:
    expect(llm("-m", "chat", "--no-stream", PROMPT).strip() != "", True)
    (picture,) = llm.answer["choices"][0]["message"]["images"]
    expect(size(base64.b64decode(picture["image_url"]["url"].partition(";base64,")[2])), SQUARE)


async def chat_stream(llm: Llm) -> None:
    """The words; of a stream llm keeps nothing else."""
    expect(llm("-m", "chat", PROMPT).strip() != "", True)


async def responses(llm: Llm) -> None:
    llm("-m", "2k", "--no-stream", PROMPT)
    expect(drawn(llm.answer), (2048, 2048))


async def responses_stream(llm: Llm) -> None:
    llm("-m", "responses", PROMPT)
    expect(drawn(llm.answer), SQUARE)


async def responses_turns(llm: Llm) -> None:
    """A picture is shown, and a second turn tells of the first what llm keeps of it: the words."""
    picture = llm.folder / "boat.png"
    Image.new("RGB", WIDE, "navy").save(picture)
    llm("-m", "responses", "make it night", "-a", picture)
    expect(drawn(llm.answer), WIDE)
    llm("-c", "add a moon")
    expect(drawn(llm.answer), WIDE)


async def refused(llm: Llm, model: str, told: str, *more: str) -> None:
    done = llm.run("-m", model, PROMPT, *more)
    expect((done.returncode, done.stderr[: len(told)]), (1, told))


async def bad_key(llm: Llm) -> None:
    await refused(llm, "chat", "Error: Error code: 401 ", "--key", "sk-gw-" + "x" * 43)


async def unknown_model(llm: Llm) -> None:
    await refused(llm, "unknown", "Error: Error code: 404 ")


CALLS = {
    "chat completions": chat,
    "chat completions, streamed": chat_stream,
    "responses, 2K": responses,
    "responses, streamed": responses_stream,
    "responses, a picture in, two turns": responses_turns,
    "a wrong key": bad_key,
    "an unknown model": unknown_model,
}


async def main(base: str, key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        llm = Llm(Path(folder))
        llm.set_up(base, key)
        await tell(version("llm"), CALLS, {"sync": llm})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
