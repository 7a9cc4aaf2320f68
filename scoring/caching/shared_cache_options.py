"""Where a shared cache is, and how it is used: the options of `ScoringEngine(shared_cache=...)`."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from scoring.errors import ConfigurationError

__all__ = ["DEFAULT_BASIS_SECONDS", "SECRETS_VARIABLE", "SharedCache"]

SECRETS_VARIABLE: Final = "SCORING_SHARED_CACHE_SECRETS"
"""The environment variable with 1 to 3 secrets, separated by spaces or commas. The first one signs."""

DEFAULT_BASIS_SECONDS: Final = 60.0
MIN_SECRET_BYTES: Final = 32
MAX_SECRETS: Final = 3
_SCHEMES: Final = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
_NAMESPACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_OWN_OPTIONS: Final = ("namespace", "basis_seconds")
_LEFT_TO_REDIS: Final = ("db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True)
class SharedCache:
    """A Redis or Valkey server that several engines use.

    Parameters
    ----------
    url: `redis://`, `rediss://` (TLS), `unix://`, `redis+sentinel://host:port,host:port/service` or
        `rediss+sentinel://`. Without TLS, the host must be a loopback address.
    namespace: Name of the values of one application. It is part of each key and of each signature.
    basis_seconds: Seconds between two bases. All engines must have the same value, otherwise they do not share. 0: the
        basis has the clock of the data, and engines share only while they have the same data.
    secrets: 1 to 3 secrets of 32 bytes or more (empty: those of `SCORING_SHARED_CACHE_SECRETS`).
    read_seconds: Seconds to wait for an answer of the server, in addition to its size over 100 MB/s.
    connect_seconds: Seconds to wait for a connection.
    max_bytes_per_hour: Bytes that all engines of the namespace may write in an hour.
    local_bytes: Bytes of fetched values that stay in the memory of this process.

    Raises
    ------
    ConfigurationError: If an option or a secret is invalid. The message does not contain the value of a secret.
    """

    url: str = field(repr=False)
    namespace: str
    basis_seconds: float = DEFAULT_BASIS_SECONDS
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    read_seconds: float = 0.02
    connect_seconds: float = 0.2
    max_bytes_per_hour: int = 2 * 2**30
    local_bytes: int = 256 * 2**20

    def __post_init__(self) -> None:
        if not _NAMESPACE.fullmatch(self.namespace):
            raise ConfigurationError(
                f"The namespace {self.namespace!r} of the shared cache is invalid. Use 1 to 64 letters, digits, '.', "
                "'_' and '-', and begin with a letter or a digit.",
                key=("shared_cache", "namespace"),
            )
        if not (math.isfinite(self.basis_seconds) and self.basis_seconds >= 0):
            raise ConfigurationError(
                f"basis_seconds of the shared cache is {self.basis_seconds!r}. Use a number of seconds of 0 or more.",
                key=("shared_cache", "basis_seconds"),
            )
        self._check_address()
        object.__setattr__(self, "secrets", _check_secrets(self.secrets or _read_secrets()))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the options of a URL such as `redis://localhost:6379/0?namespace=shop&basis_seconds=60`.

        Raises
        ------
        ConfigurationError: If the URL, an option or a secret is invalid.
        """
        try:
            parts = urlsplit(text)
            options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        except ValueError:
            raise _invalid_url() from None
        unknown = sorted(set(options) - {*_OWN_OPTIONS, *_LEFT_TO_REDIS})
        if unknown:
            known = ", ".join((*_OWN_OPTIONS, *_LEFT_TO_REDIS))
            raise ConfigurationError(
                f"Unknown option {unknown[0]!r} in the URL of the shared cache. Use {known}.",
                key=("shared_cache", unknown[0]),
            )
        if "namespace" not in options:
            raise ConfigurationError(
                "The URL of the shared cache has no namespace. Append ?namespace=NAME, with the same name for all "
                "engines of an application.",
                key=("shared_cache", "namespace"),
            )
        try:
            basis_seconds = float(options.get("basis_seconds", DEFAULT_BASIS_SECONDS))
        except ValueError:
            basis_seconds = math.nan
        query = "&".join(f"{name}={options[name]}" for name in _LEFT_TO_REDIS if name in options)
        place = f"{parts.scheme}://{parts.netloc}{parts.path}"
        return cls(f"{place}?{query}" if query else place, options["namespace"], basis_seconds)

    @property
    def display(self) -> str:
        """The address without the user name, the password and options."""
        parts = urlsplit(self.url)
        place = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{place}{parts.path}"

    def _check_address(self) -> None:
        try:
            parts = urlsplit(self.url)
            hosts = [host for host, _ in split_hosts(parts.netloc)]
        except ValueError:
            raise _invalid_url() from None
        if parts.scheme not in _SCHEMES or (parts.scheme == "unix") != (not any(hosts)):
            raise _invalid_url()
        if parts.scheme.startswith("redis") and not parts.scheme.startswith("rediss"):
            for host in hosts:
                if not _is_loopback(host):
                    raise ConfigurationError(
                        f"The shared cache on {host} needs TLS, because its values are personal data. Use rediss:// "
                        "(or rediss+sentinel://), or a Unix socket.",
                        key=("shared_cache", "url"),
                    )


def split_hosts(netloc: str) -> list[tuple[str, int | None]]:
    """Return (host, port) of each address. Raises ValueError."""
    hosts = []
    for place in netloc.rpartition("@")[2].split(","):
        part = urlsplit(f"//{place}")
        hosts.append((part.hostname or "", part.port))
    return hosts


def _invalid_url() -> ConfigurationError:
    return ConfigurationError(
        "The URL of the shared cache is invalid. Use redis://HOST:PORT/DB, rediss://HOST:PORT/DB, unix:///PATH or "
        "redis+sentinel://HOST:PORT,HOST:PORT/SERVICE, followed by ?namespace=NAME.",
        key=("shared_cache", "url"),
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_secrets() -> tuple[bytes, ...]:
    return tuple(text.encode() for text in re.split(r"[\s,]+", os.environ.get(SECRETS_VARIABLE, "")) if text)


def _check_secrets(secrets: tuple[bytes, ...]) -> tuple[bytes, ...]:
    advice = f"Set {SECRETS_VARIABLE} to 1 to {MAX_SECRETS} secrets, for example of `openssl rand -hex 32`."
    if not 1 <= len(secrets) <= MAX_SECRETS:
        raise ConfigurationError(
            f"The shared cache has {len(secrets)} secrets. {advice}", key=("shared_cache", "secrets")
        )
    if any(len(secret) < MIN_SECRET_BYTES for secret in secrets):
        raise ConfigurationError(
            f"A secret of the shared cache has fewer than {MIN_SECRET_BYTES} bytes. {advice}",
            key=("shared_cache", "secrets"),
        )
    if len(set(secrets)) < len(secrets):
        raise ConfigurationError(
            f"A secret of the shared cache is given twice. {advice}", key=("shared_cache", "secrets")
        )
    return secrets
