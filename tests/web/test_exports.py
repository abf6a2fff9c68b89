"""Reports as files: which format is chosen, and that every digit is in it."""

import csv
import io
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from arro3.io import read_parquet

from gateway.core.money import LARGEST_NANOS
from gateway.core.table import Column, Kind, Table
from gateway.web.exports import Format, preferred, written
from tests.web.office import KEYS, USAGE, problem
from tests.web.ways import IMAGES

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"

ACCEPTS = [
    ("", Format.JSON),
    ("*/*", Format.JSON),
    ("application/json", Format.JSON),
    ("text/csv", Format.CSV),
    ("TEXT/CSV; charset=utf-8", Format.CSV),
    ("text/*", Format.CSV),
    ("text/html,application/xhtml+xml,*/*;q=0.8", Format.JSON),
    ("application/json;q=0.5, text/csv", Format.CSV),
    ("text/csv;q=0.5, application/json", Format.JSON),
    (f"{PARQUET}, text/csv;q=0.9", Format.PARQUET),
    ("text/csv;q=0, */*", Format.JSON),
    ("text/csv;q=x", Format.JSON),
    ("image/png", Format.JSON),
]


@pytest.mark.parametrize(("accept", "chosen"), ACCEPTS)
def test_the_format_is_that_which_the_header_prefers(accept: str, chosen: Format) -> None:
    assert preferred(accept) is chosen


def rows_of(parquet: bytes) -> list[dict[str, Any]]:
    table = read_parquet(io.BytesIO(parquet)).read_all()
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def test_parquet_has_exact_decimals_whole_numbers_and_nulls() -> None:
    columns = (Column("key", Kind.TEXT), Column("calls", Kind.COUNT), Column("usd", Kind.USD))
    cells = [("=1+1", 2, 55_000_000), ("ä", None, -1), (None, 2**63 - 1, LARGEST_NANOS), ("", 0, None)]
    assert rows_of(written(Table(columns, cells), Format.PARQUET)) == [
        {"key": "=1+1", "calls": 2, "usd": Decimal("0.055")},
        {"key": "ä", "calls": None, "usd": Decimal("-0.000000001")},
        {"key": None, "calls": 2**63 - 1, "usd": Decimal(9_000_000)},
        {"key": "", "calls": 0, "usd": None},
    ]


def test_parquet_of_nothing_is_a_table_all_the_same() -> None:
    columns = (Column("key", Kind.TEXT), Column("usd", Kind.USD))
    table = read_parquet(io.BytesIO(written(Table(columns, []), Format.PARQUET))).read_all()
    assert (table.column_names, table.num_rows) == (["key", "usd"], 0)


@pytest.mark.asyncio(loop_scope="module")
async def test_usage_is_the_same_in_every_format(admin: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    made = (await admin.post(KEYS, json={"team": "acme", "name": "ci"})).json()
    own = {"authorization": f"Bearer {made['key']}"}
    assert (await stranger.post("/v1/images/generations", json=IMAGES, headers=own)).status_code == 200
    for http, url, headers in (
        (admin, f"{USAGE}?key_id={made['id']}&by=day,key,model", {}),
        (stranger, "/gateway/usage?by=day,key,model", own),
    ):
        [row] = (await http.get(url, headers=headers)).json()["rows"]
        assert (row["key_id"], row["calls"]) == (made["id"], 1)
        for told in (
            await http.get(f"{url}&format=csv", headers=headers),
            await http.get(url, headers={**headers, "accept": CSV}),
        ):
            assert told.headers["content-type"] == "text/csv; charset=utf-8"
            assert told.headers["content-disposition"].endswith('.csv"')
            assert list(csv.DictReader(io.StringIO(told.text))) == [{name: str(cell) for name, cell in row.items()}]
        for told in (
            await http.get(f"{url}&format=parquet", headers=headers),
            await http.get(url, headers={**headers, "accept": PARQUET}),
        ):
            assert told.headers["content-type"] == PARQUET
            [cells] = rows_of(told.content)
            assert cells == {name: Decimal(cell) if name.endswith("usd") else cell for name, cell in row.items()}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_format_that_there_is_not_is_refused_by_its_name(admin: httpx2.AsyncClient) -> None:
    status, detail = problem(await admin.get(f"{USAGE}?format=xlsx"))
    assert status == 422
    assert detail.startswith("format: ")
