"""What is said of settings that are wrong: the path, what is wrong, and what to write; never the secret."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import load, parse
from gateway.config.schema import FailoverSection
from gateway.config.settings import ConfigError

HERE = Path("/srv/gateway")
LANE = ("groups", 0, "lanes", 0)
KEY = "groups[0].lanes[0].key"
URL = "groups[0].lanes[0].url"
PRO = "groups[0].lanes[0].models.gemini-3-pro-image"

HYBRID = '"hybrid" is refused: its price per call cannot be known in advance; choose pay-as-you-go-priority'
SECONDS = "must be more than 0"
AMOUNT = 'must be a plain decimal of USD, such as "0.055"'
DECIMAL = "must be a decimal above 0, such as 1.4"
LISTEN = "must be HOST:PORT or unix:/path, such as 127.0.0.1:8080; 0.0.0.0:8080 listens everywhere"
STORE = (
    "must be embedded, redis://HOST, redis+cluster://HOST,HOST, redis+sentinel://HOST,HOST/NAME, "
    "the same with rediss, or unix:///path"
)
NAME = "must be 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"
PLACEHOLDER = "is a placeholder; put a real one in its place"
UNSENDABLE = "has a space, a line break or a character that cannot be sent in a header"
LONG_PATH = "has a socket path of more than 103 bytes, the most a system takes"
BILLING = "must be one of pay-as-you-go, pay-as-you-go-priority, pay-per-request, pay-per-request-priority"


def problems(document: dict[str, Any], environ: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(document, environ or {}, HERE)
    return caught.value.problems


def put(document: Any, where: tuple[str | int, ...], value: object) -> None:
    for step in where[:-1]:
        document = document.setdefault(step, {}) if isinstance(document, dict) else document[step]
    document[where[-1]] = value


@pytest.mark.parametrize(
    ("where", "value", "problem"),
    [
        # groups
        (("groups",), [], "groups: must not be empty"),
        (("groups",), "Default", "groups: must be a list"),
        (("groups", 0), "Default", "groups[0]: must be a section: name: value"),
        (("groups", 1, "name"), "Default", "groups[1].name: Default is the name of groups[0] already"),
        (("groups", 0, "name"), "", f"groups[0].name: {NAME}"),
        (("groups", 0, "name"), "a b", f"groups[0].name: {NAME}"),
        (("groups", 0, "name"), 7, "groups[0].name: must be text; put it in quotes"),
        (("groups", 0, "lanes"), [], "groups[0].lanes: must not be empty"),
        (
            ("groups", 0, "billing"),
            "hybrid",
            f"groups[0].billing: {HYBRID}",
        ),
        (("groups", 0, "billing"), "per-token", f"groups[0].billing: {BILLING}"),
        ((*LANE, "billing"), "per-token", f"groups[0].lanes[0].billing: {BILLING}"),
        # multipliers
        (("groups", 0, "multiplier"), 0, f"groups[0].multiplier: {DECIMAL}"),
        (("groups", 0, "multiplier"), "0.00", f"groups[0].multiplier: {DECIMAL}"),
        (("groups", 0, "multiplier"), -1.4, f"groups[0].multiplier: {DECIMAL}"),
        (("groups", 0, "multiplier"), "7/5", f"groups[0].multiplier: {DECIMAL}"),
        (("groups", 0, "multiplier"), "1,4", f"groups[0].multiplier: {DECIMAL}"),
        (("groups", 0, "multiplier"), "1e3", f"groups[0].multiplier: {DECIMAL}"),
        (("groups", 0, "multiplier"), "\u0661", f"groups[0].multiplier: {DECIMAL}"),
        (("groups", 0, "multiplier"), float("nan"), f"groups[0].multiplier: {DECIMAL}"),
        (("groups", 0, "multiplier"), True, f"groups[0].multiplier: {DECIMAL}"),
        (("groups", 0, "multiplier"), None, f"groups[0].multiplier: {DECIMAL}"),
        (
            ("groups", 0, "multiplier"),
            10**10,
            "groups[0].multiplier: makes one call of gemini-3.1-flash-image-preview dearer than the books can hold",
        ),
        # lanes
        ((*LANE, "auth"), "basic", "groups[0].lanes[0].auth: must be one of bearer, x-goog-api-key"),
        (
            (*LANE, "models"),
            {"gemini-3-pro-image": "x"},
            f"{PRO}: is not the id of a model; did you mean gemini-3-pro-image-preview?",
        ),
        (
            (*LANE, "models"),
            {"gemini-3-pro-image-preview": ""},
            "groups[0].lanes[0].models.gemini-3-pro-image-preview: must not be empty",
        ),
        # addresses
        ((*LANE, "url"), "api.apiyi.com", f"{URL}: must begin with https:// or http://"),
        ((*LANE, "url"), "ftp://api.apiyi.com", f"{URL}: must begin with https:// or http://"),
        ((*LANE, "url"), "https://", f"{URL}: names no host; write it like https://api.example.com"),
        ((*LANE, "url"), "https://h:port", f"{URL}: is not a URL; write it like https://api.example.com"),
        (
            (*LANE, "url"),
            "https://u:hunter2@api.apiyi.com",
            f"{URL}: must not carry a user name or password; credentials have settings of their own",
        ),
        ((*LANE, "url"), "https://h/?key=hunter2", f"{URL}: must end with its path: no query, no fragment"),
        ((*LANE, "url"), "https://h/#a", f"{URL}: must end with its path: no query, no fragment"),
        (
            (*LANE, "url"),
            "https://h/v1beta/",
            f"{URL}: must not end with an API version; the gateway adds /v1beta itself",
        ),
        (("public_url",), "images.example.org", "public_url: must begin with https:// or http://"),
        # secrets
        ((*LANE, "key"), "", f'{KEY}: is empty; write "${{NAME}}" and set that variable, or name a key_file'),
        ((*LANE, "key"), "changeme", f"{KEY}: {PLACEHOLDER}"),
        ((*LANE, "key"), "sk-...", f"{KEY}: {PLACEHOLDER}"),
        ((*LANE, "key"), "sk-xxxxxxxx", f"{KEY}: {PLACEHOLDER}"),
        ((*LANE, "key"), "your-key", f"{KEY}: {PLACEHOLDER}"),
        ((*LANE, "key"), "YOUR_API_KEY", f"{KEY}: {PLACEHOLDER}"),
        ((*LANE, "key"), "<key>", f"{KEY}: {PLACEHOLDER}"),
        (("admin", "key"), "please-change-me-to-something-long", f"admin.key: {PLACEHOLDER}"),
        ((*LANE, "key"), "sk-1\r\nx: y", f"{KEY}: {UNSENDABLE}"),
        ((*LANE, "key"), "schl\u00fcssel-1", f"{KEY}: {UNSENDABLE}"),
        ((*LANE, "key"), 12345678, f"{KEY}: must be text; put it in quotes"),
        ((*LANE, "key"), "${NOPE}", f"{KEY}: the environment variable NOPE is not set"),
        ((*LANE, "key"), "${EMPTY}", f"{KEY}: the environment variable EMPTY is empty"),
        (
            (*LANE, "key"),
            "${not closed",
            f"{KEY}: has a ${{ that is not ${{NAME}} or ${{NAME:-default}}; write $${{ for the characters themselves",
        ),
        (("admin", "listen"), "8081", f"admin.listen: {LISTEN}"),
        (
            ("admin", "listen"),
            "127.0.0.1:8080",
            "admin.listen: is the address of listen; choose another, or leave it out to share that one",
        ),
        (("admin", "keys"), {"a b": "k" * 24}, f"admin.keys.a b: {NAME}"),
        (
            ("admin", "keys"),
            {"bob": "short"},
            "admin.keys.bob: has 5 characters; it needs 24 at least (openssl rand -hex 32 makes one)",
        ),
        (
            ("admin", "keys"),
            {"admin": "k" * 24},
            "admin.keys.admin: is the name that belongs to admin.key; choose another",
        ),
        (
            ("admin", "keys"),
            {"ana": "k" * 24, "bob": "k" * 24},
            "admin.keys.bob: is the same as admin.keys.ana; give each a key of its own",
        ),
        (
            ("admin", "key"),
            "hunter2hunter2",
            "admin.key: has 14 characters; it needs 24 at least (openssl rand -hex 32 makes one)",
        ),
        (
            ("secret",),
            "hunter2hunter2hunter2",
            "secret: has 21 characters; it needs 32 at least (openssl rand -hex 32 makes one)",
        ),
        ((*LANE, "key_file"), "lane.key", "groups[0].lanes[0].key_file: is given beside key; keep one of the two"),
        # the rest
        (("listen",), 8080, f"listen: {LISTEN}"),
        (("listen",), ":8080", f"listen: {LISTEN}"),
        (("listen",), "localhost", f"listen: {LISTEN}"),
        (("listen",), "localhost:65536", f"listen: {LISTEN}"),
        (("listen",), "::1:8080", f"listen: {LISTEN}"),
        (("listen",), "[localhost]:8080", f"listen: {LISTEN}"),
        (("listen",), "unix:gateway.sock", f"listen: {LISTEN}"),
        (("listen",), f"unix:/{'x' * 103}", f"listen: {LONG_PATH}"),
        (("store",), "sqlite:///books.db", f"store: {STORE}"),
        (("store",), "mongodb://u:hunter2@h", f"store: {STORE}"),
        (("store",), "redis+sentinels://a:26379,b:26379/main", f"store: {STORE}"),
        (("store",), "redis://", f"store: {STORE}"),
        (("store",), "unix://redis.sock", f"store: {STORE}"),
        (("store",), f"unix:///{'x' * 103}", f"store: {LONG_PATH}"),
        (("store",), "", f"store: {STORE}"),
        (("data_dir",), "", "data_dir: must not be empty"),
        (("timeouts", "idle_s"), 0, f"timeouts.idle_s: {SECONDS}"),
        (("timeouts", "idle_s"), -1, f"timeouts.idle_s: {SECONDS}"),
        (("timeouts", "idle_s"), "soon", "timeouts.idle_s: must be a number"),
        (("timeouts", "idle_s"), float("inf"), "timeouts.idle_s: must be a number"),
        (("timeouts", "idle_s"), 86401, "timeouts.idle_s: must be at most 86400"),
        (("timeouts", "idle_s"), float("nan"), "timeouts.idle_s: must be a number"),
        (("timeouts", "total_s"), 700, "timeouts: total_long_s must be at least total_s"),
        (("upstream_transport",), "aiohttp", "upstream_transport: must be one of own, httpx2"),
        (("failover", "mode"), "manual", "failover.mode: must be one of auto, hang-only, off"),
        (("failover", "suspect_s"), 0, f"failover.suspect_s: {SECONDS}"),
        (("failover", "premium_day_usd"), -1, f"failover.premium_day_usd: {AMOUNT}"),
        (("failover", "dwell_s"), 121, "failover: dwell_max_s must be at least dwell_s"),
        (("limits", "body_bytes"), 1000, "limits.body_bytes: must be at least 1048576"),
        (("limits", "body_bytes"), 2**41, "limits.body_bytes: must be at most 1099511627776"),
        (("limits", "body_bytes"), "100MiB", "limits.body_bytes: must be a whole number"),
        (
            ("limits", "memory_bytes"),
            2**21,
            "limits: memory_bytes must be at least body_bytes, or the largest request could never be taken",
        ),
        (("limits", "results_bytes"), 2**20, "limits: results_bytes must be at least team_results_bytes"),
        (("timeouts",), 5, "timeouts: must be a section: name: value"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(
    document: dict[str, Any], where: tuple[str | int, ...], value: object, problem: str
) -> None:
    put(document, where, value)
    assert problems(document, {"EMPTY": ""}) == (problem,)


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        (
            ("biling",),
            "biling: is not a setting; known here: listen, public_url, workers, data_dir, store, store_away",
        ),
        (("listn",), "listn: is not a setting; did you mean listen?"),
        (("groups", 0, "biling"), "groups[0].biling: is not a setting; did you mean billing?"),
        ((*LANE, "keyfile"), "groups[0].lanes[0].keyfile: is not a setting; did you mean key_file?"),
        (("limits", "body_byte"), "limits.body_byte: is not a setting; did you mean body_bytes?"),
        (
            ("failover", "patience"),
            "failover.patience: is not a setting; known here: " + ", ".join(FailoverSection.model_fields),
        ),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest(
    document: dict[str, Any], where: tuple[str | int, ...], problem: str
) -> None:
    put(document, where, "x")
    (only,) = problems(document)
    assert only.startswith(problem)


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        (("groups",), "groups: is missing: at least one, in order of preference"),
        (("groups", 0, "name"), "groups[0].name: is missing: the seller's name of the group, such as Default"),
        (
            ("groups", 1, "billing"),
            "groups[1].billing: is missing: the billing mode of its keys, such as pay-as-you-go-priority",
        ),
        (("groups", 1, "lanes"), "groups[1].lanes: is missing: at least one address with a key"),
        (
            (*LANE, "key"),
            f'{KEY}: is missing: write key: "${{NAME}}" and set that variable, or key_file: with the path of a file',
        ),
    ],
)
def test_what_has_no_default_must_be_given(
    document: dict[str, Any], where: tuple[str | int, ...], problem: str
) -> None:
    section: Any = document
    for step in where[:-1]:
        section = section[step]
    del section[where[-1]]
    assert problems(document) == (problem,)


def test_lanes_need_names_of_their_own(document: dict[str, Any]) -> None:
    document["groups"][0]["lanes"][0]["name"] = "NanoBananaEnterprise"
    assert problems(document) == (
        "groups[1].lanes[0].name: NanoBananaEnterprise is the name of groups[0].lanes[0] already",
    )


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("GATEWAY__LIMIT__BODY_BYTES", "did you mean GATEWAY__LIMITS__BODY_BYTES?"),
        ("GATEWAY__GROUPS__3__NAME", "did you mean GATEWAY__GROUPS__2__NAME?"),
        ("GATEWAY__X", "names are as in the file: GATEWAY__LIMITS__BODY_BYTES"),
    ],
)
def test_a_variable_that_overrides_nothing_is_refused(document: dict[str, Any], variable: str, hint: str) -> None:
    assert problems(document, {variable: "1"}) == (f"{variable}: overrides no setting; {hint}",)


def test_a_wrong_override_is_told_by_its_variable(document: dict[str, Any]) -> None:
    assert problems(document, {"GATEWAY__TIMEOUTS__IDLE_S": "soon"}) == (
        "GATEWAY__TIMEOUTS__IDLE_S: timeouts.idle_s: must be a number",
    )


def test_an_override_does_not_hide_a_section_of_the_wrong_kind(document: dict[str, Any]) -> None:
    document["limits"] = 5
    found = problems(document, {"GATEWAY__LIMITS__BODY_BYTES": "2000000"})
    assert "limits: must be a section: name: value" in found


def test_a_key_file_that_cannot_be_read_is_told_once(document: dict[str, Any]) -> None:
    document["groups"][0]["lanes"][0] = {"url": "https://api.apiyi.com", "key_file": "absent"}
    document["groups"][1]["lanes"][0] = {"url": "https://api.apiyi.com", "key_file": "${NOPE}"}
    assert problems(document) == (
        "groups[1].lanes[0].key_file: the environment variable NOPE is not set",
        "groups[0].lanes[0].key_file: cannot be read: No such file or directory",
    )


def test_an_empty_key_file_is_an_empty_key(tmp_path: Path, document: dict[str, Any]) -> None:
    (tmp_path / "lane.key").write_text("\n", encoding="utf-8")
    document["groups"][0]["lanes"][0] = {"url": "https://api.apiyi.com", "key_file": str(tmp_path / "lane.key")}
    assert problems(document)[0].startswith(f"{KEY}: is empty")


# Files


def in_file(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(None, {}, folder)
    return caught.value.problems


def test_all_problems_come_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = """\
listn: 127.0.0.1:80
groups:
  - name: Default
    multiplier: 1.0
    billing: hybrid
    lanes:
      - url: https://api.apiyi.com
        key: "${APIYI_DEFAULT_KEY}"
  - name: NanoBananaEnterprise
    multiplier: none
    lanes: [{url: "https://api.apiyi.com", key: sk-1}]
timeouts:
  idle_s: 0
"""
    assert in_file(tmp_path, text) == (
        f"config.yaml:8: {KEY}: the environment variable APIYI_DEFAULT_KEY is not set",
        f"config.yaml:5: groups[0].billing: {HYBRID}",
        f"config.yaml:10: groups[1].multiplier: {DECIMAL}",
        "config.yaml:9: groups[1].billing: is missing: the billing mode of its keys, such as pay-as-you-go-priority",
        f"config.yaml:13: timeouts.idle_s: {SECONDS}",
        "config.yaml:1: listn: is not a setting; did you mean listen?",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "config.yaml: groups: is missing: at least one, in order of preference"),
        ("- a\n", "config.yaml: must be made of settings, name: value"),
        (
            "admin: {key: hunter2-a}\nadmin: {key: hunter2-b}\n",
            "config.yaml:2: the same name appears twice in a section; keep one",
        ),
        ("a: 1\n b: hunter2\n", "config.yaml:2: is not valid YAML: mapping values are not allowed here"),
        (
            "admin: {key: ${KEY}}\n",
            "config.yaml:1: is not valid YAML: expected ',' or '}', but got '{'; put \"${NAME}\" in quotes",
        ),
        ("key: hunter2\x01\n", "config.yaml: is not valid YAML"),
        ("created: 2026-13-45\n", "config.yaml: is not valid YAML"),
    ],
)
def test_a_file_that_is_not_settings_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    assert in_file(tmp_path, text) == (problem,)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError) as caught:
        load(None, {}, tmp_path)
    assert caught.value.problems == (f"{tmp_path / 'config.yaml'}: is not UTF-8 text",)


@pytest.mark.parametrize(
    "where",
    [
        ("listen",),
        ("public_url",),
        ("store",),
        ("secret",),
        ("admin", "key"),
        ("admin",),
        ("groups", 0, "name"),
        ("groups", 0, "multiplier"),
        ("groups", 0, "billing"),
        ("groups", 0, "lanes"),
        (*LANE, "url"),
        (*LANE, "auth"),
        (*LANE, "key_file"),
        ("models",),
        ("timeouts", "total_s"),
        ("failover", "mode"),
        ("limits", "body_bytes"),
    ],
)
@pytest.mark.parametrize("secret", ["sk hunter2", "https://user:hunter2@h", "${hunter2", "hunter2\u0000"])
def test_no_message_repeats_what_may_be_a_secret(
    document: dict[str, Any], where: tuple[str | int, ...], secret: str
) -> None:
    put(document, where, secret)
    assert "hunter2" not in " ".join(problems(document))
