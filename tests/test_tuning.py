"""How many calls a process has files for."""

import resource

import pytest

from gateway.tuning import open_files, too_few

ENOUGH = 3 * 1000 + 100


@pytest.mark.parametrize(("files", "calls"), [(0, 0), (100, 0), (1024, 308), (ENOUGH - 1, 999)])
def test_where_files_are_few_it_is_said_for_how_many_calls_they_do(files: int, calls: int) -> None:
    told = too_few(files)
    assert told is not None
    assert told.startswith(f"{files} files may be open, which is enough for about {calls} calls at a time;")


@pytest.mark.parametrize("files", [ENOUGH, 20_000, 1_000_000])
def test_where_they_do_nothing_is_said(files: int) -> None:
    assert too_few(files) is None


def test_as_many_as_the_system_allows_may_be_open() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        assert open_files() >= soft
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
