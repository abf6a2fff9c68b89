"""The house's measures: how long a file and a function may be, and what may stand at the top of the tree."""

import ast
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
FILE_LINES, FILE_SOFT = 400, 250
FUNCTION_LINES, FUNCTION_SOFT = 60, 40

FOLDERS = {"gateway", "tests", "deploy"}
FILES = {"pyproject.toml", "Dockerfile", "config.example.yaml", "README.md", "LICENSE"}

NOT_USED = ("manager", "helper", "util", "handler", "service", "context", "backend", "channel")


def tracked() -> list[Path]:
    """The files of the tree: what git knows, or, in an export without git, what is there."""
    if shutil.which("git") is None or not (TOP / ".git").exists():
        files = (path.relative_to(TOP) for path in TOP.rglob("*") if path.is_file())
        return [
            path
            for path in files
            if not path.parts[0].startswith(".") and {"__pycache__", "node_modules"}.isdisjoint(path.parts)
        ]
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, capture_output=True, text=True, check=True
    )
    return [Path(line) for line in listed.stdout.splitlines() if (TOP / line).is_file()]


def python_files() -> list[Path]:
    return sorted(path for path in tracked() if path.suffix == ".py" and path.parts[0] in ("gateway", "tests"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    tree = ast.parse((TOP / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_a_file_and_its_functions_keep_their_measure(path: Path) -> None:
    lines = len((TOP / path).read_text().splitlines())
    assert lines <= FILE_LINES, f"{path} has {lines} lines: split it by noun"
    too_long = [f"{name} ({size})" for name, size in functions(path) if size > FUNCTION_LINES]
    assert not too_long, f"{path}: {', '.join(too_long)} longer than {FUNCTION_LINES} lines"


def test_what_is_long_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Not a limit, a reason to look again: shown with `pytest -s`."""
    files = {path: len((TOP / path).read_text().splitlines()) for path in python_files()}
    long_files = [f"{path} {size}" for path, size in files.items() if size > FILE_SOFT]
    long_functions = [
        f"{path}:{name} {size}" for path in files for name, size in functions(path) if size > FUNCTION_SOFT
    ]
    with capsys.disabled():
        for each in long_files + long_functions:
            print(f"\nlook again: {each}", end="")
    assert len(long_files) < len(files) // 10, "too many long files to call them exceptions"


def test_nothing_else_stands_at_the_top() -> None:
    top = {path.parts[0] for path in tracked()}
    assert {name for name in top if not name.startswith(".")} == FOLDERS | FILES


@pytest.mark.parametrize("path", python_files(), ids=str)
def test_every_file_says_what_it_is_for(path: Path) -> None:
    if path.parts[0] == "gateway":
        assert ast.get_docstring(ast.parse((TOP / path).read_text())), f"{path} has no opening docstring"
    assert (TOP / path).read_text().strip(), f"{path} is empty"


# The simulator uses the seller's own words.
OURS = [path for path in python_files() if path.parts[0] == "gateway" and path.parts[1] != "sim"]


@pytest.mark.parametrize("path", OURS, ids=str)
def test_no_name_is_one_of_those_that_say_nothing(path: Path) -> None:
    tree = ast.parse((TOP / path).read_text())
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)} | {path.stem}
    assert not [name for name in names for word in NOT_USED if word in name.lower()]


def test_no_lock_file_holds_an_address() -> None:
    locks = [path for path in tracked() if path.name.endswith("requirements.txt")]
    assert len(locks) == 3 + len(list((TOP / "tests" / "sdks").glob("*/requirements.txt")))
    for lock in locks:
        text = (TOP / lock).read_text()
        assert "://" not in text
        assert text.count("--hash=sha256:") > text.count("==")


def test_no_lock_file_of_npm_holds_an_address_either() -> None:
    locks = [path for path in tracked() if path.name == "package-lock.json"]
    assert locks
    for lock in locks:
        text = (TOP / lock).read_text()
        assert "://" not in text, f"{lock}: make it with `npm run lock`"
        packages = {name: each for name, each in json.loads(text)["packages"].items() if name}
        assert packages
        assert not [name for name, each in packages.items() if "integrity" not in each]
