"""gemimg, as a library and as a command. It has one kind of client, which waits.

Arguments: base address, key. Prints one JSON object, see `trial.tell`.
"""

import asyncio
import logging
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from gemimg import GemImg, Grid
from PIL import Image

from tests.sdks.trial import expect, size, tell

PRO = "gemini-3-pro-image-preview"
PROMPT = "a paper boat"
WIDE, BANNER = (1344, 768), (6336, 2688)


class Api(NamedTuple):
    base: str
    key: str
    folder: Path

    def drawing(self, **more: Any) -> GemImg:
        return GemImg(**{"api_key": self.key, "base_url": self.base, **more})


def saved(drawn: Any, folder: Path) -> list[tuple[int, int]]:
    return [size((folder / Path(path).name).read_bytes()) for path in drawn.image_paths]


async def generate(api: Api) -> None:
    drawn = api.drawing().generate(PROMPT, aspect_ratio="16:9", save_dir=str(api.folder))
    expect(saved(drawn, api.folder), [WIDE])
    expect(drawn.usage.total_tokens > 1000, True)


async def generate_4k(api: Api) -> None:
    wanted = {"aspect_ratio": "21:9", "image_size": "4K", "system_prompt": "Only watercolours."}
    expect(api.drawing(model=PRO).generate(PROMPT, save=False, **wanted).image.size, BANNER)


async def grid(api: Api) -> None:
    drawn = api.drawing(model=PRO).generate(PROMPT, save=False, grid=Grid(rows=2, cols=2, image_size="2K"))
    expect([image.size for image in drawn.subimages], [(1024, 1024)] * 4)


async def edit(api: Api) -> None:
    drawing = api.drawing()
    picture = drawing.generate(PROMPT, aspect_ratio="16:9", save=False).image
    edited = drawing.generate("make it night", [picture, Image.new("RGB", (64, 64))], aspect_ratio="16:9", save=False)
    expect(edited.image.size, WIDE)
    expect(edited.usage.prompt_tokens > 500, True)  # both pictures were shown


async def command(api: Api) -> None:
    where = ["--base-url", api.base, "--api-key", api.key, "--output-dir", str(api.folder)]
    asked = [sys.executable, "-m", "gemimg", PROMPT, "--aspect-ratio", "16:9", "-o", "boat.png", *where]
    await asyncio.to_thread(subprocess.run, asked, cwd=api.folder, check=True, capture_output=True)
    expect(size((api.folder / "boat.png").read_bytes()), WIDE)


async def refused(drawing: GemImg, told: str) -> None:
    """gemimg raises nothing: it returns nothing, and logs the code and the message of the error."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("gemimg.gemimg")
    log.addHandler(handler)
    try:
        expect(drawing.generate(PROMPT, save=False), None)
    finally:
        log.removeHandler(handler)
    expect([line.partition(" — ")[0] for line in lines], [told])


async def bad_key(api: Api) -> None:
    await refused(api.drawing(api_key="sk-gw-" + "x" * 43), "API Response Error: 400")


async def unknown_model(api: Api) -> None:
    await refused(api.drawing(model="gemini-nope"), "API Response Error: 404")


CALLS = {
    "generate": generate,
    "generate, 4K 21:9": generate_4k,
    "generate, a grid": grid,
    "generate, two pictures in": edit,
    "the command": command,
    "a wrong key": bad_key,
    "an unknown model": unknown_model,
}


async def main(base: str, key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await tell(version("gemimg"), CALLS, {"sync": Api(base, key, Path(folder))})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
