"""Options of a shared cache: what is refused before anything connects, and what a message shows."""

from __future__ import annotations

import pytest

from scoring.caching import SharedCache
from scoring.caching.shared_cache_options import SECRETS_VARIABLE
from scoring.errors import ConfigurationError
from tests.support.errors import raises_at

SECRETS = "a" * 32 + " " + "b" * 32


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRETS_VARIABLE, SECRETS)


def test_url_names_server_namespace_and_basis() -> None:
    options = SharedCache.parse("redis://user:pw@localhost:6380/2?namespace=shop&basis_seconds=10")
    assert (options.namespace, options.basis_seconds) == ("shop", 10.0)
    assert options.url == "redis://user:pw@localhost:6380/2"
    assert options.display == "redis://localhost:6380/2"
    assert options.secrets == (b"a" * 32, b"b" * 32)
    assert "pw" not in repr(options)
    assert "aaaa" not in repr(options)


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "redis://[::1]:1",
        "rediss://cache.example",
        "unix:///run/valkey.sock",
        "redis+sentinel://localhost:1,127.0.0.1:2/shop",
        "rediss+sentinel://a.example,b.example/shop",
    ],
)
def test_addresses_that_are_accepted(url: str) -> None:
    assert SharedCache.parse(f"{url}?namespace=shop").url == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache.example",
        "redis://10.0.0.1:6379",
        "redis+sentinel://localhost,10.0.0.1/shop",
        "http://localhost",
        "redis:///0",
        "unix://host/path",
        "redis://localhost:port",
        "localhost:6379",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with raises_at(ConfigurationError, "shared_cache", "url"):
        SharedCache.parse(f"{url}?namespace=shop")


@pytest.mark.parametrize(
    ("query", "option"),
    [
        ("", "namespace"),
        ("?namespace=", "namespace"),
        ("?namespace=a:b", "namespace"),
        ("?namespace=a&timeout=3", "timeout"),
        ("?namespace=a&basis_seconds=-1", "basis_seconds"),
        ("?namespace=a&basis_seconds=soon", "basis_seconds"),
    ],
)
def test_options_that_are_refused(query: str, option: str) -> None:
    with raises_at(ConfigurationError, "shared_cache", option):
        SharedCache.parse(f"redis://localhost{query}")


@pytest.mark.parametrize(
    "text", ["", "secret-too-short", f"{SECRETS} short", f"{'a' * 32},{'a' * 32}", "x" * 32 + " y"]
)
def test_secrets_that_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(SECRETS_VARIABLE, text)
    with raises_at(ConfigurationError, "shared_cache", "secrets") as raised:
        SharedCache.parse("redis://localhost?namespace=shop")
    assert "secret-too-short" not in str(raised.value)
    assert "aaaa" not in str(raised.value)
