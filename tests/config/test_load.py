"""What the settings are when everything is right: defaults, the file, the environment, key files."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import load, parse
from gateway.config.settings import (
    Auth,
    Carrier,
    ConfigError,
    Limits,
    ListenTcp,
    ListenUnix,
    Secret,
    Timeouts,
)
from gateway.core.groups import Billing, Group, Lane
from gateway.core.health import Patience
from gateway.core.keys import Mode
from gateway.core.outage import Outage

HERE = Path("/srv/gateway")

SMALLEST = """\
groups:
  - name: Default
    multiplier: 1.40
    billing: pay-per-request
    lanes: [{url: "https://api.apiyi.com", key: "${APIYI_DEFAULT_KEY}"}]
"""
KEYS = {"APIYI_DEFAULT_KEY": "sk-lane-0"}


def test_what_is_not_said_has_its_default(document: dict[str, Any]) -> None:
    settings = parse(document, {}, HERE)

    assert settings.listen == ListenTcp("127.0.0.1", 8080)
    assert settings.public_url is None
    assert settings.data_dir == HERE / "data"
    assert settings.store == "embedded"
    assert settings.store_away is Outage.SLICE
    assert not settings.store_may_forget
    assert settings.upstream_transport is Carrier.OWN
    assert settings.tuning
    assert settings.secret is None
    assert settings.timeouts == Timeouts(5, 30, 180, 420, 660, 360, None)
    assert settings.patience == Patience(None, 45, 75)
    assert settings.failover_mode is Mode.AUTO
    assert settings.limits == Limits(104857600, None, 4 * 1024**3, 1000, 2 * 1024**3, 512 * 1024**2)
    assert (settings.vault, settings.vault_key) == (None, None)


@pytest.mark.parametrize(
    ("said", "archive"),
    [
        ({}, HERE / "data" / "archive"),
        ({"data_dir": "/var/lib/gateway"}, Path("/var/lib/gateway/archive")),
        ({"store": "redis://127.0.0.1/0"}, None),
        ({"store": "redis://127.0.0.1/0", "archive": "kept"}, HERE / "kept"),
        ({"archive": "/mnt/kept"}, Path("/mnt/kept")),
    ],
)
def test_rows_are_archived_where_the_disk_is_known_to_be_kept(
    document: dict[str, Any], said: dict[str, str], archive: Path | None
) -> None:
    assert parse(document | said, {}, HERE).archive == archive


def test_groups_and_lanes_keep_their_order(document: dict[str, Any]) -> None:
    settings = parse(document, {}, HERE)

    default, enterprise = Group("Default", Fraction(1)), Group("NanoBananaEnterprise", Fraction(7, 5))
    priority = Billing.PAY_AS_YOU_GO_PRIORITY
    assert settings.groups == (default, enterprise)
    assert [each.lane for each in settings.lanes] == [
        Lane("Default", default, "https://api.apiyi.com", priority),
        Lane("NanoBananaEnterprise", enterprise, "https://api.apiyi.com", priority),
    ]
    assert [each.key.reveal() for each in settings.lanes] == ["sk-lane-0", "sk-lane-1"]


def test_without_an_admin_key_there_is_none(document: dict[str, Any]) -> None:
    del document["admin"]
    assert not parse(document, {}, HERE).admin.keys


def test_administrators_have_names_and_the_one_without_is_admin(document: dict[str, Any]) -> None:
    document["admin"] = {"key": "a" * 24, "keys": {"ana": "b" * 24, "billing-bot": "c" * 24}}
    keys = parse(document, {}, HERE).admin.keys
    assert {name: key.reveal()[0] for name, key in keys.items()} == {"admin": "a", "ana": "b", "billing-bot": "c"}
    del document["admin"]["key"]
    assert list(parse(document, {}, HERE).admin.keys) == ["ana", "billing-bot"]


def test_a_lane_has_its_own_name_billing_and_model_names(document: dict[str, Any]) -> None:
    names = {"gemini-3-pro-image-preview": "gemini-3-pro-image"}
    document["groups"][0]["lanes"].append(
        {"url": "http://127.0.0.1:9", "key": "k", "name": "spare", "billing": "pay-per-request", "models": names}
    )
    spare = parse(document, {}, HERE).lanes[1]
    assert (spare.lane.name, spare.lane.billing, spare.models) == ("spare", Billing.PAY_PER_REQUEST, names)


def test_lanes_without_a_name_count_on_from_their_group(document: dict[str, Any]) -> None:
    document["groups"][0]["lanes"] *= 3
    names = [each.lane.name for each in parse(document, {}, HERE).lanes]
    assert names == ["Default", "Default-2", "Default-3", "NanoBananaEnterprise"]


@pytest.mark.parametrize(
    ("lane", "auth"),
    [
        ({"url": "https://api.apiyi.com"}, Auth.BEARER),
        ({"url": "https://generativelanguage.googleapis.com"}, Auth.X_GOOG_API_KEY),
        ({"url": "https://GenerativeLanguage.googleapis.com/"}, Auth.X_GOOG_API_KEY),
        ({"url": "https://generativelanguage.googleapis.com.example.org"}, Auth.BEARER),
        ({"url": "https://generativelanguage.googleapis.com", "auth": "bearer"}, Auth.BEARER),
        ({"url": "https://api.apiyi.com", "auth": "x-goog-api-key"}, Auth.X_GOOG_API_KEY),
    ],
)
def test_google_takes_a_header_of_its_own(document: dict[str, Any], lane: dict[str, str], auth: Auth) -> None:
    document["groups"][0]["lanes"] = [{"key": "k", **lane}]
    assert parse(document, {}, HERE).lanes[0].auth is auth


@pytest.mark.parametrize(
    ("written", "exact"),
    [(1, Fraction(1)), (1.4, Fraction(7, 5)), ("1.4", Fraction(7, 5)), (0.8, Fraction(4, 5)), ("2.50", Fraction(5, 2))],
)
def test_a_multiplier_is_the_decimal_that_is_written(
    document: dict[str, Any], written: object, exact: Fraction
) -> None:
    document["groups"][0]["multiplier"] = written
    assert parse(document, {}, HERE).groups[0].multiplier == exact


@pytest.mark.parametrize(
    ("written", "listen"),
    [
        ("0.0.0.0:80", ListenTcp("0.0.0.0", 80)),
        ("localhost:0", ListenTcp("localhost", 0)),
        ("[::1]:8080", ListenTcp("::1", 8080)),
        ("unix:/run/gateway.sock", ListenUnix("/run/gateway.sock")),
    ],
)
def test_listen_is_an_address_or_a_socket(
    document: dict[str, Any], written: str, listen: ListenTcp | ListenUnix
) -> None:
    document["listen"] = written
    assert parse(document, {}, HERE).listen == listen
    assert str(listen) == written


@pytest.mark.parametrize(
    "store",
    [
        "embedded",
        "redis://127.0.0.1:6379/0",
        "rediss://user:pass@redis.example.org",
        "unix:///run/redis.sock?db=1",
        "redis+cluster://user:pass@a:7000,b:7000",
        "rediss+sentinel://user:pass@a,b/books/1?sentinel_password=other",
    ],
)
def test_a_store_is_kept_as_it_is_written(document: dict[str, Any], store: str) -> None:
    document["store"] = store
    assert parse(document, {}, HERE).store == store


@pytest.mark.parametrize(
    ("written", "vault"),
    [
        (None, None),
        ("s3://pictures", "s3://pictures"),
        ("s3://pictures.example.org/of_the/gateway.1/", "s3://pictures.example.org/of_the/gateway.1"),
    ],
)
def test_results_may_be_kept_in_a_bucket(document: dict[str, Any], written: str | None, vault: str | None) -> None:
    document["vault"] = written
    assert parse(document, {}, HERE).vault == vault


@pytest.mark.parametrize(
    "written",
    ["./results", "s3://", "s3://key:secret@bucket/prefix", "s3://bucket/../other", "s3://bucket?endpoint=here"],
)
def test_a_bucket_has_an_address_and_nothing_else_in_it(document: dict[str, Any], written: str) -> None:
    document["vault"] = written
    with pytest.raises(ConfigError, match=r"^vault: must be s3://BUCKET or s3://BUCKET/PREFIX, without credentials"):
        parse(document, {}, HERE)


def test_results_may_be_sealed(document: dict[str, Any]) -> None:
    document["vault_key"] = "${VAULT_KEY}"
    key = "a-key-that-is-32-characters-long"
    assert parse(document, {"VAULT_KEY": key}, HERE).vault_key == Secret(key)
    with pytest.raises(ConfigError, match=r"^vault_key: has 31 characters; it needs 32 at least"):
        parse(document, {"VAULT_KEY": key[1:]}, HERE)


def test_a_trailing_slash_of_an_address_is_dropped(document: dict[str, Any]) -> None:
    document["public_url"] = "https://images.example.org/pictures/"
    document["groups"][0]["lanes"][0]["url"] = "https://api.apiyi.com/"
    settings = parse(document, {}, HERE)
    assert settings.public_url == "https://images.example.org/pictures"
    assert settings.lanes[0].lane.url == "https://api.apiyi.com"


def test_a_section_with_nothing_in_it_is_a_section_of_defaults(document: dict[str, Any]) -> None:
    document |= {"limits": None, "timeouts": None, "models": None, "failover": None}
    assert parse(document, {}, HERE).limits.body_bytes == 104857600


def test_a_document_is_left_as_it_was(document: dict[str, Any]) -> None:
    document["listen"] = "${ADDRESS}"
    parse(document, {"ADDRESS": "localhost:1", "GATEWAY__GROUPS__0__NAME": "Other"}, HERE)
    assert document["listen"] == "${ADDRESS}"
    assert document["groups"][0]["name"] == "Default"


# The environment


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("${NAME}", {"NAME": "sk-1"}, "sk-1"),
        ("sk-${A}-${B}", {"A": "1", "B": "2"}, "sk-1-2"),
        ("${NAME:-sk-2}", {}, "sk-2"),
        ("${NAME:-sk-2}", {"NAME": ""}, "sk-2"),
        ("${NAME:-sk-2}", {"NAME": "sk-1"}, "sk-1"),
        ("${NAME}", {"NAME": "${OTHER}"}, "${OTHER}"),
        ("$${NAME}", {"NAME": "sk-1"}, "${NAME}"),
        ("$NAME$", {"NAME": "sk-1"}, "$NAME$"),
    ],
)
def test_a_text_reads_the_environment(document: dict[str, Any], text: str, environ: dict[str, str], value: str) -> None:
    document["groups"][0]["lanes"][0]["key"] = text
    assert parse(document, environ, HERE).lanes[0].key == Secret(value)


def test_the_environment_can_say_that_there_is_nothing(document: dict[str, Any]) -> None:
    document |= {"public_url": "${PUBLIC_URL:-}", "secret": "${SECRET:-null}", "failover": {"suspect_s": "${S:-}"}}
    settings = parse(document, {}, HERE)
    assert (settings.public_url, settings.secret, settings.patience.suspect_s) == (None, None, None)


def test_a_variable_overrides_the_file(document: dict[str, Any]) -> None:
    document["limits"] = {"body_bytes": 2_000_000}
    environ = {
        "GATEWAY__LIMITS__BODY_BYTES": "3000000",
        "GATEWAY__FAILOVER__SUSPECT_S": "2.5",
        "GATEWAY__GROUPS__0__MULTIPLIER": "1.2",
        "GATEWAY__GROUPS__1__LANES__0__KEY": "sk-other",
        "GATEWAY__LISTEN": "localhost:9",
    }
    settings = parse(document, environ, HERE)
    assert settings.limits.body_bytes == 3_000_000
    assert settings.patience.suspect_s == 2.5
    assert settings.groups[0].multiplier == Fraction(6, 5)
    assert settings.lanes[1].key.reveal() == "sk-other"
    assert settings.listen == ListenTcp("localhost", 9)


def test_a_variable_overrides_a_reference_that_could_not_be_read(document: dict[str, Any]) -> None:
    document["groups"][0]["lanes"][0]["key"] = "${NOT_SET}"
    settings = parse(document, {"GATEWAY__GROUPS__0__LANES__0__KEY": "sk-${literal}"}, HERE)
    assert settings.lanes[0].key.reveal() == "sk-${literal}"


def test_variables_can_add_a_lane_and_a_group(document: dict[str, Any]) -> None:
    environ = {
        "GATEWAY__GROUPS__0__LANES__1__URL": "https://two.example.org",
        "GATEWAY__GROUPS__0__LANES__1__KEY": "sk-two",
        "GATEWAY__GROUPS__2__NAME": "Last",
        "GATEWAY__GROUPS__2__MULTIPLIER": "2",
        "GATEWAY__GROUPS__2__BILLING": "pay-per-request",
        "GATEWAY__GROUPS__2__LANES__0__URL": "https://last.example.org",
        "GATEWAY__GROUPS__2__LANES__0__KEY": "sk-last",
    }
    names = [each.lane.name for each in parse(document, environ, HERE).lanes]
    assert names == ["Default", "Default-2", "NanoBananaEnterprise", "Last"]


def test_other_variables_are_not_looked_at(document: dict[str, Any]) -> None:
    environ = {"GATEWAY_CONFIG": "x", "GATEWAY_ADMIN_KEY": "y", "PATH": "/bin"}
    assert parse(document, environ, HERE) == parse(document, {}, HERE)


# Files


def test_a_key_file_is_read_from_beside_the_configuration(tmp_path: Path, document: dict[str, Any]) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "lane").write_text("sk-from-file\n", encoding="utf-8")
    (tmp_path / "admin").write_text("a" * 12 + "b" * 12, encoding="utf-8")
    document["groups"][0]["lanes"] = [{"url": "https://api.apiyi.com", "key_file": "keys/lane"}]
    document["admin"] = {"key_file": str(tmp_path / "admin")}
    settings = parse(document, {}, tmp_path)
    assert settings.lanes[0].key.reveal() == "sk-from-file"
    assert settings.admin.keys["admin"] == Secret("a" * 12 + "b" * 12)


def test_a_file_is_found_by_name_then_by_variable_then_by_habit(tmp_path: Path) -> None:
    for name in ("named.yaml", "variable.yaml", "config.yaml"):
        (tmp_path / name).write_text(f"{SMALLEST}data_dir: {name}.d\n", encoding="utf-8")
    by_variable = {**KEYS, "GATEWAY_CONFIG": "variable.yaml"}
    assert load(Path("named.yaml"), by_variable, tmp_path).data_dir == tmp_path / "named.yaml.d"
    assert load(None, by_variable, tmp_path).data_dir == tmp_path / "variable.yaml.d"
    assert load(None, KEYS, tmp_path).data_dir == tmp_path / "config.yaml.d"


def test_paths_begin_at_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "gateway.yaml").write_text(SMALLEST, encoding="utf-8")
    settings = load(Path("etc/gateway.yaml"), KEYS, tmp_path)
    assert settings.data_dir == tmp_path / "etc" / "data"
    assert settings.data_dir.is_absolute()


def test_a_number_in_yaml_is_the_decimal_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(SMALLEST, encoding="utf-8")
    assert load(None, KEYS, tmp_path).groups[0].multiplier == Fraction(7, 5)


def test_without_a_file_the_reader_learns_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {}, tmp_path)
    assert str(caught.value) == (
        "there is no configuration: copy config.example.yaml to ./config.yaml, or name a file with --config "
        "or GATEWAY_CONFIG; `gateway demo` needs none"
    )


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path("absent.yaml"), {}, tmp_path)
    assert caught.value.problems == (f"{tmp_path / 'absent.yaml'}: cannot be read: No such file or directory",)
