"""The ledger of a configuration, and what is kept of its calls: for the house, and for commands that need no more."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, closing, contextmanager

from gateway.config.settings import Settings
from gateway.ledger.keys import pepper
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.vault.bucket import Bucket
from gateway.vault.folder import Folder
from gateway.vault.records import ResultCaps
from gateway.vault.results import Results
from gateway.vault.sealed import Sealed
from gateway.vault.spools import MEMORY_BYTES, Spools
from gateway.vault.store import Store


def ledger_of(settings: Settings) -> AbstractAsyncContextManager[Ledger]:
    return open_ledger(
        settings.store, settings.data_dir, _secret(settings), settings.allowances, may_forget=settings.store_may_forget
    )


@contextmanager
def kept_of(settings: Settings, sealed: Callable[[], None]) -> Iterator[tuple[Spools, Results]]:
    """Room for answers on their way, and where they are kept. `sealed` is told, once, that another key sealed some."""
    limits, folder = settings.limits, settings.data_dir / "vault"
    caps = ResultCaps(all_bytes=limits.results_bytes, team_bytes=limits.team_results_bytes)
    most_bytes = sys.maxsize if limits.spool_bytes is None else limits.spool_bytes
    with ExitStack() as stack:
        memory_bytes = MEMORY_BYTES // settings.workers
        spools = stack.enter_context(closing(Spools(folder / "spools", most_bytes, memory_bytes=memory_bytes)))
        store: Store = Folder(folder / "results")
        if settings.vault:
            store = stack.enter_context(closing(Bucket(settings.vault, spools)))
        if settings.vault_key:
            store = Sealed(store, settings.vault_key.reveal().encode(), spools, sealed)
        yield spools, Results(store, pepper_of(settings), caps, writers=settings.workers)


def pepper_of(settings: Settings) -> bytes:
    """What is signed and hashed with."""
    return pepper(settings.data_dir, _secret(settings))


def _secret(settings: Settings) -> str | None:
    return settings.secret.reveal() if settings.secret else None
