"""What makes a file outlive a crash besides being written."""

import os
from pathlib import Path


def sync_directory(directory: Path) -> None:
    """Until then a new file in it has no name that survives a crash."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
