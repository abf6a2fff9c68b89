"""The ledger of a configuration, and what is kept of its calls: for the house, and for commands that need no more."""

from contextlib import AbstractAsyncContextManager

from gateway.config.settings import Settings
from gateway.ledger.keys import pepper
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.vault.folder import Folder
from gateway.vault.records import ResultCaps
from gateway.vault.results import Results


def ledger_of(settings: Settings) -> AbstractAsyncContextManager[Ledger]:
    return open_ledger(
        settings.store, settings.data_dir, _secret(settings), settings.allowances, may_forget=settings.store_may_forget
    )


def results_of(settings: Settings) -> Results:
    return Results(Folder(settings.data_dir / "vault" / "results"), pepper_of(settings), ResultCaps())


def pepper_of(settings: Settings) -> bytes:
    """What is signed and hashed with."""
    return pepper(settings.data_dir, _secret(settings))


def _secret(settings: Settings) -> str | None:
    return settings.secret.reveal() if settings.secret else None
