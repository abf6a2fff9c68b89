"""Which request a call is of, by its id alone."""

import pytest

from gateway.core.call import request_of


@pytest.mark.parametrize(
    ("call_id", "request_and_number"),
    [
        ("call_1", ("call_1", None)),
        ("call_1.1", ("call_1", 1)),
        ("call_1.10", ("call_1", 10)),
        ("call_1.0", ("call_1.0", None)),
        ("call_1.02", ("call_1.02", None)),
        ("call_1.\u0662", ("call_1.\u0662", None)),
        ("call_1.2.3", ("call_1.2.3", None)),
        ("call_1." + "9" * 5000, ("call_1." + "9" * 5000, None)),
        (".1", (".1", None)),
        ("", ("", None)),
    ],
)
def test_one_of_several_pictures_has_its_number_behind_a_dot(
    call_id: str, request_and_number: tuple[str, int | None]
) -> None:
    assert request_of(call_id) == request_and_number
