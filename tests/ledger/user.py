"""A process that uses the embedded store of a directory until it is told to go, or is killed."""

import asyncio
import sys
from pathlib import Path

from gateway.ledger.store import Store


async def use(data_dir: Path) -> None:
    async with Store.open("embedded", data_dir) as store:
        await store.put("visitor", {"was": "here"})
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)


asyncio.run(use(Path(sys.argv[1])))
