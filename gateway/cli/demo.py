"""`gateway demo`: everything for real on this machine, with the simulator in the seller's place.

An embedded store, a simulator behind both groups, a gateway, a team and a key; two pictures, the
second while the group Default is failing; then it goes on serving.
"""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from time import monotonic, time
from typing import Annotated, Any

import httpx2
import typer
import uvloop
from PIL import Image
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from gateway import app as house
from gateway.cli.options import out, print_table
from gateway.config.load import parse
from gateway.config.settings import ListenTcp
from gateway.core.budgets import Budget
from gateway.core.headers import ATTEMPTS, CALL_ID, GROUP
from gateway.core.keys import Limits
from gateway.core.money import nanos_of, usd_of
from gateway.listening import address_of, listen_on, on_signals, serve_on

MODEL = "gemini-3.1-flash-image-preview"
TEAM = "demo"

_FAILING = [{"group": "Default", "model": None, "fault": "unavailable", "share": 1.0, "from_s": 0, "until_s": 86400}]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture to be made: by which route, and what comes back."""

    title: str
    size: str
    route: str
    body: dict[str, Any]
    failing: bool
    encoded: Callable[[Any], str]


def _native(document: Any) -> str:
    parts = document["candidates"][0]["content"]["parts"]
    return str(next(part["inlineData"]["data"] for part in parts if "inlineData" in part))


def _openai(document: Any) -> str:
    return str(document["data"][0]["b64_json"])


SHOTS = (
    Shot(
        title="lighthouse",
        size="2K 16:9",
        route=f"/v1beta/models/{MODEL}:generateContent",
        body={
            "contents": [{"parts": [{"text": "A lighthouse on a cliff at dusk, its beam sweeping through fog"}]}],
            "generationConfig": {"imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"}},
        },
        failing=False,
        encoded=_native,
    ),
    Shot(
        title="teapot",
        size="1024x1024",
        route="/v1/images/generations",
        body={"model": MODEL, "prompt": "A teapot in the shape of a small dragon, studio light", "size": "1024x1024"},
        failing=True,
        encoded=_openai,
    ),
)


def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to serve on; 0 takes a free one.")] = 8080,
    directory: Annotated[Path, typer.Option("--dir", help="Where the store and the pictures go.")] = Path("data/demo"),
    speed: Annotated[float, typer.Option(min=0, help="How much faster than the real thing the simulator draws.")] = 4.0,
    once: Annotated[bool, typer.Option("--once", help="Make the two pictures and end.")] = False,
) -> None:
    """Try it: a gateway with a simulated seller, two pictures, one failover. Needs no key and no network."""
    (directory / "pictures").mkdir(parents=True, exist_ok=True)
    uvloop.run(_demo(port, directory.absolute(), speed, once))


async def _demo(port: int, directory: Path, speed: float, once: bool) -> None:
    failed: Exception | None = None  # raised out of the group, which would wrap it
    with (
        on_signals() as stop,
        listen_on(ListenTcp("127.0.0.1", port)) as listening,
        (directory / "gateway.log").open("a") as log,
    ):
        async with _simulator(speed) as seller:
            settings = parse(_document(directory, seller), {}, directory)
            async with house.running(settings, log) as running, asyncio.TaskGroup() as group:
                group.create_task(serve_on(running.app, listening, stop), name="server")
                base, secret = address_of(listening), await _key(running)
                try:
                    await _tour(base, secret, seller, directory / "pictures")
                except (OSError, httpx2.HTTPError) as error:
                    failed = error
                if once or failed:
                    stop.set()
                else:
                    _print_snippets(base, secret)
                    log_file = directory / "gateway.log"
                    out.print(f"\nserving on {base} (log: {log_file}); end with Ctrl-C", soft_wrap=True)
    if failed:
        raise OSError(f"the demo ended early: {failed}") from failed


async def _key(running: house.House) -> str:
    await running.ledger.keys.ensure_team(TEAM, now=time())
    limits = Limits(Budget(nanos_of("5")))
    _, secret = await running.ledger.keys.create_key(TEAM, name="demo", limits=limits, now=time())
    return secret


async def _tour(base: str, secret: str, seller: str, pictures: Path) -> None:
    made = []
    async with httpx2.AsyncClient(timeout=600, trust_env=False) as http:
        for shot in SHOTS:
            if shot.failing:
                (await http.post(f"{seller}/sim/schedule", json=_FAILING)).raise_for_status()
            with _progress(f"{shot.title} by {shot.route}" + (" while Default is failing" if shot.failing else "")):
                made.append(await _shoot(http, base, secret, shot, pictures))
            if shot.failing:
                (await http.delete(f"{seller}/sim/schedule")).raise_for_status()
    print_table(("", *(shot.title for shot in SHOTS)), zip(_FACTS, *made, strict=True))


# What is told of each picture; the last is the file it is in.
_FACTS = ("route", "model", "size", "real pixels", "group", "attempts", "seconds", "cost $", "written to")


async def _shoot(http: httpx2.AsyncClient, base: str, secret: str, shot: Shot, pictures: Path) -> list[str]:
    """Makes one picture, writes it, and tells its facts."""
    bearer = {"authorization": f"Bearer {secret}"}
    before = await _spent(http, base, bearer)
    began = monotonic()
    answer = await http.post(base + shot.route, json=shot.body, headers=bearer)
    seconds = monotonic() - began
    if answer.status_code != 200:
        raise OSError(f"{shot.route} answered {answer.status_code}: {answer.text}")
    raw = base64.b64decode(shot.encoded(answer.json()))
    with Image.open(BytesIO(raw)) as image:
        image.load()
    file = pictures / f"{shot.title}-{answer.headers[CALL_ID][-6:]}.{str(image.format).lower()}"
    file.write_bytes(raw)
    cost = usd_of(await _spent(http, base, bearer) - before)
    route = shot.route.replace(f"models/{MODEL}", "models/…")
    pixels, shown = f"{image.width}x{image.height}", _shown(file)
    group, attempts = answer.headers[GROUP], answer.headers[ATTEMPTS]
    return [route, MODEL, shot.size, pixels, group, attempts, f"{seconds:.1f}", cost, shown]


def _shown(file: Path) -> str:
    """From where the reader is, if it is below that."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


async def _spent(http: httpx2.AsyncClient, base: str, bearer: dict[str, str]) -> int:
    answer = await http.get(f"{base}/gateway/usage", headers=bearer)
    return nanos_of(answer.json()["spent_usd"])


@contextmanager
def _progress(text: str) -> Iterator[None]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        progress.add_task(text, total=None)
        yield


@asynccontextmanager
async def _simulator(speed: float) -> AsyncIterator[str]:
    """A simulator in a process of its own, which ends with this one however that ends."""
    command = (sys.executable, "-m", "gateway", "sim", "--port", "0", "--speed", str(speed), "--while-stdin")
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = (await process.stdout.readline()).decode().strip()
        if not line.startswith("sim: http"):
            raise OSError("the simulator did not start")
        yield line.removeprefix("sim: ")
    finally:
        process.stdin.close()
        await process.wait()


def _document(directory: Path, seller: str) -> dict[str, Any]:
    groups = (("Default", 1.0, "sim-key-default"), ("NanoBananaEnterprise", 1.4, "sim-key-enterprise"))
    return {
        "data_dir": str(directory),
        "groups": [
            {
                "name": name,
                "multiplier": multiplier,
                "billing": "pay-as-you-go-priority",
                "lanes": [{"url": seller, "key": key}],
            }
            for name, multiplier, key in groups
        ],
    }


def _print_snippets(base: str, secret: str) -> None:
    """Without borders and unwrapped: they are there to be copied."""
    for title, text in _snippets(base, secret):
        out.print(f"\n[bold]{title}[/]")
        out.print(text, soft_wrap=True, highlight=False, markup=False)


def _snippets(base: str, secret: str) -> tuple[tuple[str, str], ...]:
    return (
        (
            "curl",
            f"""curl {base}/v1beta/models/{MODEL}:generateContent \\
  -H 'x-goog-api-key: {secret}' -H 'content-type: application/json' \\
  -d '{{"contents":[{{"parts":[{{"text":"A paper boat"}}]}}]}}'""",
        ),
        (
            "openai",
            f"""from openai import OpenAI
client = OpenAI(base_url="{base}/v1", api_key="{secret}")
picture = client.images.generate(model="{MODEL}", prompt="A paper boat").data[0].b64_json""",
        ),
        (
            "google-genai",
            f"""from google import genai
client = genai.Client(api_key="{secret}", http_options={{"base_url": "{base}"}})
picture = client.models.generate_content(model="{MODEL}", contents="A paper boat").parts""",
        ),
        ("what it cost", f"curl {base}/gateway/usage -H 'x-goog-api-key: {secret}'"),
    )
