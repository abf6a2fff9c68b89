"""A gateway that may open few files."""

import subprocess
from pathlib import Path

from tests.e2e.test_commands import CONFIG, environment
from tests.house import START_S, Simulator


def test_it_says_for_how_many_calls_they_do(tmp_path: Path, simulator: Simulator) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG.format(url=simulator.url))
    command = ["sh", "-c", 'ulimit -n 512 && exec "$@"', "sh", "gateway", "serve"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment({}), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("gateway: serving on http")
        assert process.stderr.readline().startswith("gateway: 512 files may be open, which is enough for about 137 ")
        process.terminate()
        process.communicate(timeout=START_S)
