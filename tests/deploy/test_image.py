"""The Dockerfile, as far as it can be judged without an engine."""

import re
from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.settings import ListenTcp

TOP = Path(__file__).parents[2]
EXAMPLE = TOP / "config.example.yaml"
PORT = 8080

# What config.example.yaml asks the environment for.
KEYS = {
    "GATEWAY_ADMIN_KEY": "0123456789abcdef01234567",
    "APIYI_DEFAULT_KEY": "sk-default-1",
    "APIYI_ENTERPRISE_KEY": "sk-enterprise-1",
}

Instruction = tuple[str, str]


@pytest.fixture(scope="module")
def instructions() -> list[Instruction]:
    """Word and rest of every instruction, continued lines joined."""
    text = (TOP / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(word, rest) for word, rest in found]


def said(instructions: list[Instruction], word: str) -> list[str]:
    return [rest for each, rest in instructions if each == word]


def copied(instructions: list[Instruction]) -> set[str]:
    """What is copied out of the checkout."""
    rows = [rest.split()[:-1] for rest in said(instructions, "COPY") if not rest.startswith("--from=")]
    return {source for row in rows for source in row}


def environment(instructions: list[Instruction]) -> dict[str, str]:
    """The variables of the image that is shipped: those after the last FROM."""
    last = max(number for number, (word, _) in enumerate(instructions) if word == "FROM")
    pairs = [pair for rest in said(instructions[last:], "ENV") for pair in rest.split()]
    return dict(pair.split("=", 1) for pair in pairs)


def test_what_is_copied_exists_and_nothing_else_is_let_in(instructions: list[Instruction]) -> None:
    sources = copied(instructions)
    assert [source for source in sources if not (TOP / source).exists()] == []
    ignored = (TOP / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == sources


def test_it_runs_as_a_numbered_user_who_is_not_root(instructions: list[Instruction]) -> None:
    """A number, because Kubernetes cannot tell from a name whether it is root's."""
    user, *_ = said(instructions, "USER")[-1].split(":")
    assert int(user) > 0


def test_both_stages_stand_on_the_same_python(instructions: list[Instruction]) -> None:
    """A virtual environment works only with the interpreter it was made with."""
    bases = {rest.split()[0] for rest in said(instructions, "FROM")}
    assert len(bases) == 1


def test_everything_installed_is_in_a_lock_file_with_its_hash(instructions: list[Instruction]) -> None:
    commands = [command.strip() for rest in said(instructions, "RUN") for command in rest.split("&&")]
    installs = [command for command in commands if re.search(r"\bpip\b.* install ", command)]
    assert installs
    assert [each for each in installs if not re.search(r"--require-hashes|--no-deps --no-index", each)] == []


def test_no_address_is_written_into_it(instructions: list[Instruction]) -> None:
    assert not said(instructions, "ADD")
    assert "://" not in " ".join(rest for _, rest in instructions)


def test_the_example_serves_and_is_asked_where_the_image_is_open(instructions: list[Instruction]) -> None:
    settings = load(EXAMPLE, KEYS | environment(instructions), TOP)
    assert settings.listen == ListenTcp("0.0.0.0", PORT)
    assert said(instructions, "EXPOSE") == [str(PORT)]
    (check,) = said(instructions, "HEALTHCHECK")
    assert f"'127.0.0.1', {PORT}" in check


def test_what_must_last_is_on_the_volume(instructions: list[Instruction]) -> None:
    settings = load(EXAMPLE, KEYS | environment(instructions), TOP)
    assert said(instructions, "VOLUME") == [str(settings.data_dir)]
