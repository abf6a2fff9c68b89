"""Every size the seller sells comes out with the pixels its pages print."""

import pytest

from tests.sim.conftest import NB1, NB2, PRO, Caller, pictures, reference

_FLASH = """
1:1   512x512   1024x1024  2048x2048  4096x4096
1:4   256x1024  512x2048   1024x4096  2048x8192
1:8   192x1536  384x3072   768x6144   1536x12288
2:3   424x632   848x1264   1696x2528  3392x5056
3:2   632x424   1264x848   2528x1696  5056x3392
3:4   448x600   896x1200   1792x2400  3584x4800
4:1   1024x256  2048x512   4096x1024  8192x2048
4:3   600x448   1200x896   2400x1792  4800x3584
4:5   464x576   928x1152   1856x2304  3712x4608
5:4   576x464   1152x928   2304x1856  4608x3712
8:1   1536x192  3072x384   6144x768   12288x1536
9:16  384x688   768x1376   1536x2752  3072x5504
16:9  688x384   1376x768   2752x1536  5504x3072
21:9  792x336   1584x672   3168x1344  6336x2688
"""
_OLD_FLASH = """
1:1   1024x1024
2:3   832x1248
3:2   1248x832
3:4   864x1184
4:3   1184x864
4:5   896x1152
5:4   1152x896
9:16  768x1344
16:9  1344x768
21:9  1536x672
"""
_SIZES = ("512", "1K", "2K", "4K")


def _rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


def _pixels(sim: Caller, model: str, **image: str) -> str:
    reply = sim.ask(model=model, imageConfig=image)
    assert reply.status_code == 200, reply.text
    (picture,) = pictures(reply.json())
    return f"{picture.width}x{picture.height}"


@pytest.mark.parametrize("row", _rows(_FLASH), ids=lambda row: row[0])
def test_nano_banana_2_draws_every_ratio_in_every_size(sim: Caller, row: list[str]) -> None:
    ratio, *printed = row
    drawn = [_pixels(sim, NB2, aspectRatio=ratio, imageSize=size) for size in _SIZES]
    assert drawn == printed


@pytest.mark.parametrize("row", [row for row in _rows(_FLASH) if row[0] not in ("1:4", "1:8", "4:1", "8:1")], ids=str)
def test_pro_draws_ten_ratios_in_three_sizes(sim: Caller, row: list[str]) -> None:
    ratio, _, *printed = row
    drawn = [_pixels(sim, PRO, aspectRatio=ratio, imageSize=size) for size in _SIZES[1:]]
    assert drawn == printed


@pytest.mark.parametrize("row", _rows(_OLD_FLASH), ids=lambda row: row[0])
def test_nano_banana_1_draws_ten_ratios_in_its_one_size(sim: Caller, row: list[str]) -> None:
    ratio, printed = row
    assert _pixels(sim, NB1, aspectRatio=ratio) == printed


def test_without_options_a_picture_is_square_and_1k(sim: Caller) -> None:
    assert _pixels(sim, NB2) == "1024x1024"


@pytest.mark.parametrize(
    ("model", "printed"),
    [
        (f"{NB2}-4k", "4096x4096"),
        (f"{NB2}-preview-2k", "2048x2048"),
        (f"{NB2}-512", "512x512"),
        (f"{PRO}-preview-1k", "1024x1024"),
    ],
)
def test_a_suffix_of_the_model_id_names_the_size(sim: Caller, model: str, printed: str) -> None:
    assert _pixels(sim, model) == printed


def test_without_a_ratio_the_last_reference_picture_gives_it(sim: Caller) -> None:
    parts = [{"text": "Put the first on the second"}, reference(300, 900), reference(640, 360)]
    (picture,) = pictures(sim.send({"contents": [{"parts": parts}]}).json())
    assert picture.size == (1376, 768)


def test_both_kinds_of_file_occur(sim: Caller) -> None:
    kinds = {pictures(sim.ask(f"Heron {nth}").json())[0].format for nth in range(16)}
    assert kinds == {"PNG", "JPEG"}
