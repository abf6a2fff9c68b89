"""Whether a server is fit to hold the books, from what it says of itself."""

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, ResponseError

from gateway.ledger.servers import said

_OLDEST_SERVER = 7  # the first with function libraries


async def unfit_of(client: Redis, *, clustered: bool, may_forget: bool) -> str | None:
    """What makes this server unfit to hold the books, or the part of them that it has in a Cluster."""
    server = await client.info()
    whole = not clustered or "cluster_state:ok" in str(await said(client, "CLUSTER", "INFO"))
    return unfit(server, clustered=clustered, whole=whole) or (
        forgetful(server, None if may_forget else await _save_points(client))
    )


def unfit(server: Mapping[str, Any], *, clustered: bool = False, whole: bool = True) -> str | None:
    """The same, from its own account of itself; None when nothing does."""
    version = str(server["redis_version"])
    policy = server["maxmemory_policy"]
    if int(version.split(".")[0]) < _OLDEST_SERVER:
        return f"is version {version}; the books need functions: use Redis 7 or newer, or Valkey"
    if server["role"] != "master":
        return "is a replica and takes no writes; use the address of its primary"
    if bool(server.get("cluster_enabled")) != clustered:
        return "is no Cluster; use redis://" if clustered else "is part of a Cluster; use redis+cluster://"
    if not whole:
        return "is a Cluster that is down: see what `redis-cli cluster info` says"
    if policy != "noeviction":
        return f"may drop books when memory runs short: it has maxmemory-policy {policy}; set it to noeviction"
    return None


def forgetful(server: Mapping[str, Any], save_points: str | None) -> str | None:
    """Whether it keeps nothing on disk. Its `save_points` are None where that is not to be known."""
    if server.get("aof_enabled") or save_points != "":
        return None
    return (
        "keeps nothing on disk, so that its next start begins with empty books: set appendonly yes, "
        "or store_may_forget: true in the configuration"
    )


async def _save_points(client: Redis) -> str | None:
    try:
        return str((await client.config_get("save"))["save"])
    except (NoPermissionError, ResponseError, KeyError):  # not for everybody, and in many a rented one for nobody
        return None
