"""What can go wrong at a seller: one fault, one function.

A fault acts in one of three places. Said instead of a picture: `answer`. In what the reply holds:
`reply`, decided before anything is drawn. In how the bytes travel: `send`. The table at the end
names them; whether a call is worked on (and so billed) is a column of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from gateway.sim import reply as replies
from gateway.sim import seller
from gateway.sim.reply import Reply, Shot, Text, Usage
from gateway.sim.seller import Answer
from gateway.sim.wire import Wire

_DRIPS = 200


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault may know of the call it befalls."""

    call_id: str
    model: str
    group: str
    wait_s: float  # before it answers, with what the fault does to that
    latency_s: float  # what an untroubled answer takes
    silence_s: float  # how long a seller that hangs keeps its caller


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer on its way out."""

    wire: Wire
    answer: Answer
    scene: Scene


def busy(scene: Scene) -> Answer:
    return seller.BUSY.answer(scene.call_id)


def unavailable(scene: Scene) -> Answer:
    return seller.no_channel(scene.model, scene.group).answer(scene.call_id)


def error(scene: Scene) -> Answer:
    return seller.BROKEN.answer(scene.call_id)


def bad_gateway(scene: Scene) -> Answer:
    return seller.BAD_GATEWAY.answer(scene.call_id)


def edge(scene: Scene) -> Answer:
    """The page of a CDN that lost patience with the seller behind it."""
    page = f"""<!DOCTYPE html>
<html lang="en-US"><head><title>api.seller.example | 524: A timeout occurred</title></head>
<body><h1>A timeout occurred <span>Error code 524</span></h1><p>Ray ID: {scene.call_id}</p></body></html>
"""
    return Answer(524, seller.HTML, (page.encode(),))


def garbage(_: Scene) -> Answer:
    return Answer(200, seller.JSON, (b'{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/pn',))


def html(_: Scene) -> Answer:
    page = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n"
    return Answer(200, seller.HTML, (page,))


def quota(scene: Scene) -> Answer:
    return seller.NO_QUOTA.answer(scene.call_id)


def bad_key(scene: Scene) -> Answer:
    return seller.BAD_KEY.answer(scene.call_id)


def refusal(reply: Reply) -> Reply:
    message = "Unable to show the generated image. The image was filtered out because it violated a policy."
    usage = replies.nothing(reply.usage)
    return replace(reply, parts=(), usage=usage, finish="IMAGE_SAFETY", message=message)


def no_image(reply: Reply) -> Reply:
    """The model thought, and nothing came of it."""
    return replace(reply, parts=(), usage=replies.nothing(reply.usage), finish="NO_IMAGE")


def blocked(reply: Reply) -> Reply:
    return replace(reply, parts=(), usage=replies.nothing(reply.usage), blocked="PROHIBITED_CONTENT")


def text_only(reply: Reply) -> Reply:
    words = Text("I can describe this for you, but I cannot draw it. Could you tell me more about the scene?")
    return replace(reply, parts=(words,), usage=replies.words_only(reply.usage))


def no_usage(reply: Reply) -> Reply:
    return replace(reply, reports_usage=False)


def drafts(reply: Reply) -> Reply:
    """Two drafts before the picture: ordinary parts, each of them billed."""
    usage = reply.usage
    tripled = Usage(
        usage.prompt_text, usage.prompt_images, usage.candidates * 3, usage.images * 3, thoughts=usage.thoughts
    )
    return replace(reply, parts=(*_texts(reply), Shot(1), Shot(2), Shot()), usage=tripled)


def smaller(reply: Reply) -> Reply:
    return replace(reply, parts=(*_texts(reply), Shot(halved=True)))


def square(reply: Reply) -> Reply:
    return replace(reply, parts=(*_texts(reply), Shot(squared=True)))


def thought_image(reply: Reply) -> Reply:
    """An interim picture among the thoughts, not billed."""
    return replace(reply, parts=(Shot(1, thought=True), *_texts(reply), Shot()))


async def whole(delivery: Delivery) -> None:
    """No fault: everything, in order, to the end."""
    for piece in delivery.answer.body:
        await delivery.wire.write(piece)
    await delivery.wire.finish()


async def hang(delivery: Delivery) -> None:
    await delivery.wire.until_gone(delivery.scene.silence_s)
    await delivery.wire.close()


async def reset(delivery: Delivery) -> None:
    await delivery.wire.reset()


async def close(delivery: Delivery) -> None:
    await delivery.wire.close()


async def cut(delivery: Delivery) -> None:
    """Half of the piece that holds the picture, then the end of the connection: mid-frame in a stream."""
    first = delivery.answer.body[0]
    await delivery.wire.write(first[: len(first) // 2])
    await delivery.wire.close()


async def trickle(delivery: Delivery) -> None:
    """The body in small drips, over the time the drawing should have taken."""
    wire, body = delivery.wire, b"".join(delivery.answer.body)
    step = -(-len(body) // _DRIPS)
    for at in range(0, len(body), step):
        await wire.write(body[at : at + step])
        if wire.gone:
            return
        await asyncio.sleep(delivery.scene.latency_s / _DRIPS)
    await wire.finish()


def _texts(reply: Reply) -> tuple[Text, ...]:
    return tuple(part for part in reply.parts if isinstance(part, Text))


def _as_it_is(reply: Reply) -> Reply:
    return reply


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table: where a fault acts, and what it costs."""

    answer: Callable[[Scene], Answer] | None = None
    reply: Callable[[Reply], Reply] = _as_it_is
    send: Callable[[Delivery], Awaitable[None]] = whole
    pace: float = 1.0  # how much longer the seller takes before it answers
    stuck_s: tuple[float, float] | None = None  # it takes this instead, between two times, and shows nothing before
    works: bool = True  # whether it draws, and so bills
    delivers: bool = True  # whether a caller who stays has the picture in the end


FAULTS = {
    "none": Fault(),
    "slow": Fault(pace=4.0),
    "hang": Fault(send=hang, works=False, pace=0.0),
    "late": Fault(stuck_s=(200.0, 600.0)),  # as long as sellers are known to sit on what they draw in the end
    "reset": Fault(send=reset, works=False, pace=0.0),
    "close": Fault(send=close, works=False, pace=0.0),
    "cut": Fault(send=cut, delivers=False),
    "trickle": Fault(send=trickle, pace=0.0),
    "busy": Fault(answer=busy, works=False, pace=0.0),
    "unavailable": Fault(answer=unavailable, works=False, pace=0.0),
    "error": Fault(answer=error, works=False),
    "bad-gateway": Fault(answer=bad_gateway, works=False),
    "edge": Fault(answer=edge, works=False),
    "garbage": Fault(answer=garbage, delivers=False),
    "html": Fault(answer=html, delivers=False),
    "refusal": Fault(reply=refusal),
    "no-image": Fault(reply=no_image),
    "blocked": Fault(reply=blocked),
    "text-only": Fault(reply=text_only),
    "no-usage": Fault(reply=no_usage),
    "quota": Fault(answer=quota, works=False, pace=0.0),
    "bad-key": Fault(answer=bad_key, works=False, pace=0.0),
    "drafts": Fault(reply=drafts),
    "thought-image": Fault(reply=thought_image),
    "smaller": Fault(reply=smaller),
    "square": Fault(reply=square),
}
