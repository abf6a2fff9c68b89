"""How much a disk is asked for in a while, where what it is asked for can be left undone. Pure."""


class Pace:
    """So many results and bytes a second, and up to `burst_s` of that at once."""

    def __init__(self, results_s: float, bytes_s: float, burst_s: float) -> None:
        self._each_s = 1 / results_s
        self._byte_s = 1 / bytes_s
        self._burst_s = burst_s
        self._busy_until = 0.0

    def admits(self, size: int, now: float) -> bool:
        """Whether there is time for one more of this size; then it counts. `now` in seconds, of any clock."""
        begins = max(self._busy_until, now - self._burst_s)
        ends = begins + max(self._each_s, size * self._byte_s)
        if ends > now:
            return False
        self._busy_until = ends
        return True
