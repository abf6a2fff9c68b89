"""What one worker may have of what the operator allows a gateway."""

from dataclasses import replace

from gateway.config.settings import Settings
from gateway.core.crew import Worker


def share_of(settings: Settings, worker: Worker) -> Settings:
    """The same settings with this worker's part of what is counted in each process.

    What is kept in the store or on the disk counts for all of them anyway.
    """
    limits = settings.limits
    of_memory, of_spools = (
        None if whole is None else worker.share(whole) for whole in (limits.memory_bytes, limits.spool_bytes)
    )
    shares = replace(limits, memory_bytes=of_memory, spool_bytes=of_spools, left_calls=worker.share(limits.left_calls))
    return replace(settings, limits=shares)
