"""A call from request to reply: the wait, the picture, the bill, the bytes.

The seller is synchronous, and its work is not its caller's: once begun, a picture is drawn to its
end and billed, also when nobody is there any more to receive it.
"""

import asyncio
import hashlib
import os
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.sim import bill, seller
from gateway.sim.bill import Bill, Row
from gateway.sim.caption import Caption
from gateway.sim.faults import Delivery
from gateway.sim.picture import Order, draw
from gateway.sim.record import Record
from gateway.sim.reply import Shot
from gateway.sim.seller import Answer, Refused
from gateway.sim.turns import Read, Turn, Turns
from gateway.sim.wire import Wire

_EARLY = 0.25  # a stream begins when this share of the time is over
_CALL_ID = re.compile(r"[\x21-\x7e]{1,128}")
_NOTHING = Answer(200, seller.JSON, (b"",))


@dataclass(frozen=True, slots=True)
class Made:
    """A reply that is ready to be sent, and where it stands on the bill."""

    answer: Answer
    row: int


class Calls:
    """The seller at work. `route` gives the ASGI app for one way of asking."""

    def __init__(self, turns: Turns, *, books: Bill, record: Record, light: bool) -> None:
        self._turns = turns
        self._books = books
        self._record = record
        self._light = light
        self._at_work: set[asyncio.Task[Made]] = set()
        # Drawing is work for the processor; more pens than processors would only take memory.
        self._pens = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="sim: pen")
        self.waiting = 0  # callers, for whatever they are waiting

    @property
    def at_work(self) -> int:
        """How many pictures are being drawn, whether or not somebody waits for them."""
        return len(self._at_work)

    def route(self, read: Read) -> ASGIApp:
        return _Route(self, read)

    def stop(self) -> None:
        """Drops what is being drawn; for the end of the process."""
        for work in self._at_work:
            work.cancel()
        self._pens.shutdown(wait=False, cancel_futures=True)

    async def serve(self, request: Request, wire: Wire, read: Read) -> None:
        """Answers one request, or meets it with its fault."""
        call_id = _call_id(request)
        try:
            turn = self._turns.decide(request, await request.body(), call_id=call_id, read=read)
        except Refused as refused:
            await self._say(wire, refused.complaint.answer(call_id), call_id)
            return
        if turn.fault.works:
            await self._draw_and_send(turn, wire)
        elif turn.fault.answer:
            await wire.until_gone(turn.scene.wait_s)
            await self._say(wire, turn.fault.answer(turn.scene), call_id)
        else:
            await turn.fault.send(Delivery(wire, _NOTHING, turn.scene))

    async def _draw_and_send(self, turn: Turn, wire: Wire) -> None:
        work = asyncio.create_task(self._work(turn, wire), name=f"sim: draw {turn.scene.call_id}")
        self._at_work.add(work)
        work.add_done_callback(self._at_work.discard)
        begun = turn.form.streamed and turn.fault.answer is None and turn.fault.stuck_s is None
        if begun:
            await self._begin_stream(turn, wire)
        if not await wire.first(work):
            return  # the work goes on without its caller
        made = work.result()
        if not begun:
            await self._start(wire, made.answer, turn.scene.call_id)
        await turn.fault.send(Delivery(wire, made.answer, turn.scene))
        if not wire.finished:
            self._books.undelivered(made.row)

    async def _begin_stream(self, turn: Turn, wire: Wire) -> None:
        await wire.until_gone(turn.scene.wait_s * _EARLY)
        await self._start(wire, Answer(200, turn.form.media_type, (), streamed=True), turn.scene.call_id)
        for piece in turn.form.early(turn.reply):
            await wire.write(piece)

    async def _work(self, turn: Turn, wire: Wire) -> Made:
        """Takes its time, draws, and bills: all of it whether or not the caller is still there."""
        await asyncio.sleep(turn.scene.wait_s)
        if turn.fault.answer:
            answer = turn.fault.answer(turn.scene)
        else:
            orders = [_order(turn, shot, light=self._light) for shot in turn.reply.shots]
            answer = await asyncio.get_running_loop().run_in_executor(self._pens, _drawn, turn, orders)
        delivered = turn.fault.delivers and not wire.gone
        return Made(answer, self._books.add(_row(turn, delivered=delivered)))

    async def _say(self, wire: Wire, answer: Answer, call_id: str) -> None:
        await self._start(wire, answer, call_id)
        for piece in answer.body:
            await wire.write(piece)
        await wire.finish()

    async def _start(self, wire: Wire, answer: Answer, call_id: str) -> None:
        self._record.keep(call_id, wire.sent)
        await wire.start(answer.status, answer.headers(call_id))


class _Route:
    """The ASGI app of one route: a wire to answer on, and the count of who is waiting."""

    def __init__(self, calls: Calls, read: Read) -> None:
        self._calls = calls
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await request.body()  # kept by the request; what is received after it is a hang-up
        wire = Wire(scope, receive, send)
        self._calls.waiting += 1
        try:
            await self._calls.serve(request, wire, self._read)
        finally:
            self._calls.waiting -= 1
            wire.let_go()


def _order(turn: Turn, shot: Shot, *, light: bool) -> Order:
    ask = turn.ask
    scenery = hashlib.sha256(f"{ask.prompt}/{shot.take}".encode("utf-8", "surrogatepass")).digest()
    width, height = ask.width >> shot.halved, ask.height >> shot.halved
    return Order(
        width=width,
        height=width if shot.squared else height,
        size=ask.size,
        caption=Caption(ask.prompt, ask.model.id, turn.key.group, turn.scene.call_id),
        seed=int.from_bytes(scenery),
        as_png=turn.number % 2 == 0,
        light=light,
    )


def _drawn(turn: Turn, orders: list[Order]) -> Answer:
    """Draws and writes a reply; runs in a thread."""
    pieces = turn.form.rest(turn.reply, [draw(order) for order in orders])
    return Answer(200, turn.form.media_type, pieces, streamed=turn.form.streamed)


def _row(turn: Turn, *, delivered: bool) -> Row:
    ask, usage = turn.ask, turn.reply.usage
    return Row(
        id=turn.scene.call_id,
        at=time.time(),
        wait_s=turn.scene.wait_s,
        group=turn.key.group,
        model=ask.model.id,
        size=ask.size,
        ratio=ask.ratio,
        basis=turn.key.basis(ask.model.price) or "",
        nanos=bill.nanos(ask.model.price, turn.key, input_tokens=usage.prompt, output_tokens=usage.output),
        input_tokens=usage.prompt,
        output_tokens=usage.output,
        pictures=turn.reply.pictures,
        delivered=delivered,
        status=200,
        fault=None if turn.fault_name == "none" else turn.fault_name,
    )


def _call_id(request: Request) -> str:
    """The id the caller gave, where it can be used as one."""
    given = request.headers.get("x-request-id", "")
    return given if _CALL_ID.fullmatch(given) else uuid.uuid4().hex
