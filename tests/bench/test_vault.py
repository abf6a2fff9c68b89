"""What passes the vault passes whole, within its cap, and without staying in memory."""

import re
import subprocess
import sys

PASSED = re.compile(r"(\d+) read whole twice, (\d+) still kept; at most (\d+) MiB on disk, memory grew by (\d+) MiB")


def test_ten_times_the_cap_passes_in_flat_memory() -> None:
    command = [sys.executable, "-m", "tests.bench.vault", "--results", "120", "--megabytes", "2", "--cap-mib", "24"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    passed = PASSED.search(said)
    assert passed, said
    whole, left, on_disk_mib, grown_mib = map(int, passed.groups())
    assert (whole, left) == (120, 12), said
    assert on_disk_mib <= 24 + 8 * 2 + 1, "the cap, and the eight that are just coming"
    assert grown_mib < 64, said
