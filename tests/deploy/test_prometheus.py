"""The configuration of Prometheus, as its own tool reads it."""

import subprocess

from tests.deploy.prometheus import SHIPPED


def test_prometheus_finds_nothing_wrong_with_its_configuration() -> None:
    checked = subprocess.run(["promtool", "check", "config", str(SHIPPED)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
