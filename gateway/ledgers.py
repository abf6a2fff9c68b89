"""The ledger of a configuration: for the house, and for commands that need nothing else of it."""

from contextlib import AbstractAsyncContextManager

from gateway.config.settings import Settings
from gateway.ledger.ledger import Ledger, open_ledger


def ledger_of(settings: Settings) -> AbstractAsyncContextManager[Ledger]:
    secret = settings.secret.reveal() if settings.secret else None
    return open_ledger(
        settings.store, settings.data_dir, secret, settings.allowances, may_forget=settings.store_may_forget
    )
