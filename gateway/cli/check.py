"""`gateway check`: a configuration, before it is served."""

import uvloop

from gateway.cli.options import AsJson, ConfigFile, print_json, print_table, settings_of
from gateway.config.effective import effective
from gateway.config.settings import Settings
from gateway.ledgers import ledger_of


def check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check the configuration and the store, and print what is in force and where each value came from."""
    settings = settings_of(config)
    uvloop.run(_check_store(settings))
    rows = effective(settings)
    if as_json:
        print_json([{"path": row.path, "value": row.shown, "origin": row.origin} for row in rows])
    else:
        print_table(("setting", "value", "from"), [(row.path, row.shown, row.origin) for row in rows])


async def _check_store(settings: Settings) -> None:
    async with ledger_of(settings) as ledger:
        await ledger.store.ping()
