"""The example that operators copy."""

from pathlib import Path

from ruamel.yaml import YAML

from gateway.config.effective import effective
from gateway.config.load import load
from gateway.config.schema import Root

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"

VARIABLES = {
    "GATEWAY_ADMIN_KEY": "0123456789abcdef01234567",
    "APIYI_DEFAULT_KEY": "sk-default-1",
    "APIYI_ENTERPRISE_KEY": "sk-enterprise-1",
}


def test_the_example_loads_once_its_variables_are_set() -> None:
    settings = load(EXAMPLE, VARIABLES, Path.cwd())
    assert [group.name for group in settings.groups] == ["Default", "NanoBananaEnterprise"]
    assert [lane.key.reveal() for lane in settings.lanes] == ["sk-default-1", "sk-enterprise-1"]
    assert list(settings.admin.keys) == ["admin"]


def test_the_example_names_every_section_and_setting() -> None:
    document = YAML(typ="safe", pure=True).load(EXAMPLE)
    assert list(document) == list(Root.model_fields)
    for name in ("timeouts", "failover", "limits"):
        section = Root.model_fields[name].annotation
        assert section is not None
        assert list(document[name]) == list(section.model_fields)


def test_the_example_says_what_the_defaults_are(tmp_path: Path) -> None:
    document = YAML(typ="safe", pure=True).load(EXAMPLE)
    bare = tmp_path / "config.example.yaml"
    with bare.open("w", encoding="utf-8") as file:
        YAML().dump(
            {"admin": document["admin"], "groups": document["groups"], "data_dir": str(EXAMPLE.parent / "data")}, file
        )
    shown = [[(row.path, row.shown) for row in effective(load(path, VARIABLES, tmp_path))] for path in (EXAMPLE, bare)]
    assert shown[0] == shown[1]
