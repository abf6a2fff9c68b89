"""The same records out of every kind of file; and what is said of one that is broken, and where."""

import json
from collections.abc import Iterable

import pytest

from gateway.core.logfile import records
from gateway.core.sellerlog import BadEntry

ROWS = [{"a": "1", "b": "x, y"}, {"a": "2", "b": 'say "z"'}, {"a": "3", "b": "[{"}]

CSV = '\ufeffa,b\n1,"x, y"\n2,"say ""z"""\n3,[{\n'
FILES = {
    "csv": CSV,
    "csv behind empty lines": "\n\n" + CSV,
    "csv with semicolons": 'a;b\n1;x, y\n2;say "z"\n3;[{\n'.replace('say "z"', '"say ""z"""'),
    "csv with tabs and an empty line": 'a\tb\n1\tx, y\n\n2\t"say ""z"""\n3\t[{\n',
    "csv from windows": CSV.replace("\n", "\r\n"),
    "json lines": "".join(json.dumps(row) + "\n" for row in ROWS),
    "json lines with gaps": "\n".join(json.dumps(row) + "\n" for row in ROWS),
    "an array in a line": json.dumps(ROWS),
    "an array over many": json.dumps(ROWS, indent=2),
    "an array, an entry a line": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "an answer of the API": json.dumps({"success": True, "message": "", "data": ROWS}),
    "a page of it": json.dumps({"data": {"page": 1, "total": 3, "items": ROWS}}, indent=1),
    "pages, one a line": "".join(json.dumps({"success": True, "data": {"items": [row]}}) + "\n" for row in ROWS),
}


def lines(text: str) -> Iterable[str]:
    return text.splitlines(keepends=True)


@pytest.mark.parametrize("name", FILES)
def test_the_records_are_the_same(name: str) -> None:
    assert [row for _, row in records(lines(FILES[name]))] == ROWS


def test_a_record_is_there_before_the_next_line_is_read() -> None:
    for name in ("csv", "json lines", "an array, an entry a line"):
        read: list[str] = []

        def told(text: str, read: list[str] = read) -> Iterable[str]:
            for line in lines(text):
                read.append(line)
                yield line

        assert next(records(told(FILES[name])))[1] == ROWS[0]
        assert len(read) <= 2, name


PLACES = {
    "csv": "line 3",
    "an array in a line": "line 1, entry 2",
    "an array, an entry a line": "line 3, entry 2",
    "an answer of the API": "line 1, entry 2",
    "csv behind empty lines": "line 5",
    "json lines": "line 2",
    "an array over many": "line 6, entry 2",
}


@pytest.mark.parametrize(("name", "place"), PLACES.items())
def test_a_record_says_where_it_is(name: str, place: str) -> None:
    assert [at for at, _ in records(lines(FILES[name]))][1] == place


WRONG = [
    ("", "it is empty"),
    ("\n \n", "it is empty"),
    ("PK\x03\x04", "it is a workbook; save it as CSV"),
    ("a,b\n1,2\n1,2,3\n", "line 3: 3 fields under 2 names; is a comma or a quote missing?"),
    ('a,b\n1,"2"x\n', "line 2: "),
    ('a,b\n1,"2\n', "line 2: unexpected end of data; is a quote missing"),
    ('a,b\n1,2\n3,"4\n' + "5,6\n" * 40_000, "line 3: field larger than field limit (131072); is a quote missing"),
    ('{"a": 1}\n{"a": \n', "line 2: it is not JSON"),
    ('\n{"a": \n 1,\n "b" 2}', "line 4: it is not JSON: Expecting ':' delimiter; export it again"),
    ('{"success": false, "message": "no such token"}', "line 1: it is no log but a refusal: no such token; ask again"),
    ('[{"a": 1},\n\n{"a"', "line 3, entry 2: it is not JSON"),
    ('[\n{"a": nan},\n' + '{"a": 1},\n' * 200_000, "line 2, entry 1: it is not JSON: Expecting value; export it"),
    ("[" * 100_000, "it ends after entry 0"),
    ('[{"a": ' + "[" * 100_000, "line 1, entry 1: it is not JSON"),
    ('{"a": ' + "9" * 5000 + "}", "line 1: it is not JSON: it cannot be read"),
    ('[{"a": 1},\n', "it ends after entry 1 in the middle of a list"),
    ('[{"a": 1}, 2]', "entry 2: it is no object with names and values"),
]


@pytest.mark.parametrize(("text", "says"), WRONG, ids=[row[1] for row in WRONG])
def test_a_file_that_is_broken_is_told_with_its_place(text: str, says: str) -> None:
    with pytest.raises(BadEntry) as refused:
        list(records(lines(text)))
    assert says in str(refused.value)
