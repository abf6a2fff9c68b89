"""What `gateway check` shows: every value, where it came from, and no secret."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.effective import effective
from gateway.config.load import load, parse
from gateway.config.settings import Secret

FILE = """\
listen: "localhost:${PORT:-8081}"
admin: {key: "${ADMIN}", keys: {ana: the-key-of-ana-24-characters}}
store: redis://user:store-password@127.0.0.1/0?password=other-password&db=1
secret: a-secret-that-is-32-characters-ok
groups:
  - name: Default
    multiplier: 1.40
    billing: pay-per-request
    lanes:
      - url: https://api.apiyi.com
        key: sk-in-the-file
      - url: https://api.apiyi.com
        key_file: lane.key
        billing: pay-as-you-go
        models: {gemini-3-pro-image-preview: gemini-3-pro-image}
models:
  gemini-3-pro-image-preview:
    price:
      call: "0.10"
webhooks: {hosts: [hooks.example.org, "*.apps.example.org"]}
"""
ENVIRON = {"ADMIN": "admin-key-of-24-characters", "GATEWAY__TIMEOUTS__IDLE_S": "12.5"}
SECRETS = (
    "admin-key-of-24-characters",
    "the-key-of-ana-24-characters",
    "store-password",
    "other-password",
    "a-secret-that-is-32-characters-ok",
    "sk-in-the-file",
    "sk-from-a-file",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lane.key").write_text("sk-from-a-file\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text(FILE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "shown", "origin"),
    [
        ("listen", "localhost:8081", "env PORT"),
        ("public_url", "not set", "default"),
        ("store", "redis://***@127.0.0.1/0?password=***&db=1", "config.yaml:3"),
        ("secret", "***", "config.yaml:4"),
        ("webhooks.hosts", "hooks.example.org, *.apps.example.org", "config.yaml:20"),
        ("webhooks.networks", "not set", "default"),
        ("admin.key", "***", "env ADMIN"),
        ("admin.keys.ana", "***", "config.yaml:2"),
        ("admin.listen", "not set", "default"),
        ("groups[0].name", "Default", "config.yaml:6"),
        ("groups[0].multiplier", "1.4", "config.yaml:7"),
        ("groups[0].lanes[0].name", "Default", "default"),
        ("groups[0].lanes[0].key", "***", "config.yaml:11"),
        ("groups[0].lanes[0].auth", "bearer", "default"),
        ("groups[0].lanes[0].billing", "pay-per-request", "config.yaml:8"),
        ("groups[0].lanes[1].name", "Default-2", "default"),
        ("groups[0].lanes[1].key", "***", "file"),
        ("groups[0].lanes[1].billing", "pay-as-you-go", "config.yaml:14"),
        ("groups[0].lanes[1].models.gemini-3-pro-image-preview", "gemini-3-pro-image", "config.yaml:15"),
        ("models.gemini-3-pro-image-preview.price.call", "0.1", "config.yaml:19"),
        ("models.gemini-3.1-flash-image-preview.price.output_per_million", "16.8", "default"),
        ("timeouts.idle_s", "12.5", "env GATEWAY__TIMEOUTS__IDLE_S"),
        ("timeouts.total_s", "420", "default"),
        ("limits.body_bytes", "104857600", "default"),
    ],
)
def test_a_value_is_shown_with_its_origin(folder: Path, path: str, shown: str, origin: str) -> None:
    rows = {row.path: (row.shown, row.origin) for row in effective(load(None, ENVIRON, folder))}
    assert rows[path] == (shown, origin)


def test_no_secret_is_shown(folder: Path) -> None:
    settings = load(None, ENVIRON, folder)
    seen = f"{effective(settings)} {settings!r} {settings}"
    assert [secret for secret in SECRETS if secret in seen] == []


@pytest.mark.parametrize(
    ("store", "shown"),
    [
        ("redis+cluster://user:hidden@a:1,b:2", "redis+cluster://***@a:1,b:2"),
        ("redis://user:hid/den@host/0", "redis://***@host/0"),
        (
            "rediss+sentinel://u:hidden@a,b/n?sentinel_password=hidden",
            "rediss+sentinel://***@a,b/n?sentinel_password=***",
        ),
    ],
)
def test_no_address_shows_a_user_or_a_password(document: dict[str, Any], store: str, shown: str) -> None:
    document["store"] = store
    rows = {row.path: row.shown for row in effective(parse(document, {}, Path("/srv")))}
    assert rows["store"] == shown


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("sk-1")
    assert (repr(secret), str(secret), f"{secret}") == ("***", "***", "***")
    assert secret.reveal() == "sk-1"


def test_values_without_a_file_were_given(document: dict[str, Any]) -> None:
    rows = {row.path: row.origin for row in effective(parse(document, {}, Path("/srv")))}
    assert rows["groups[1].multiplier"] == "given"
    assert rows["groups[1].lanes[0].billing"] == "given"
    assert rows["listen"] == "default"
