"""The three tokens of the service: for lists, for explanations, and for events."""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self, get_args

from scoring.errors import ConfigurationError, make_printable
from scoring.storage.atomic_file import replace_file
from scoring.storage.os_errors import wrap_os_errors
from scoring.storage.regular_file_reader import open_plain_file

__all__ = ["ENVIRONMENT", "AccessTokens", "Scope", "create_token_file"]

Scope = Literal["read", "explain", "write"]
"""What a token permits: to read lists and metrics, to explain scores, to write events."""

ENVIRONMENT: Final[Mapping[str, str]] = {scope: f"SCORING_LIVE_{scope.upper()}_TOKEN" for scope in get_args(Scope)}
"""Scope → environment variable of its token."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{20,200}")
"""The characters of a bearer token (RFC 6750). 20 characters of 6 bits cannot be guessed."""
_MAX_FILE: Final = 10_000


@dataclass(frozen=True, repr=False)
class AccessTokens:
    """Three different tokens.

    Raises
    ------
    ConfigurationError: If a token is too short or has other characters, or two tokens are equal.

    Example
    -------
    >>> tokens = AccessTokens("r" * 20, "e" * 20, "w" * 20)
    >>> tokens.find_scope(b"Bearer " + b"w" * 20)
    'write'
    """

    read: str
    explain: str
    write: str

    def __post_init__(self) -> None:
        for scope, token in self._items():
            if not isinstance(token, str) or not _TOKEN.fullmatch(token):
                raise ConfigurationError(
                    f"The {scope} token is invalid. Use 20 to 200 characters of A-Z, a-z, 0-9 and ._~+/=-, such as "
                    "those of `scoring live --create-tokens FILE`.",
                    key=(scope,),
                )
        if len({token for _, token in self._items()}) < 3:
            raise ConfigurationError("Two of the three tokens are equal. Use three different tokens.", key=("tokens",))

    def __repr__(self) -> str:
        return "AccessTokens(…)"

    def find_scope(self, authorization: bytes) -> Scope | None:
        """Return what the value of an Authorization header permits; None if it contains none of the tokens.

        The time does not depend on how many characters agree. All tokens are compared.
        """
        scheme, _, given = authorization.partition(b" ")
        found: Scope | None = None
        for scope, token in self._items():
            if hmac.compare_digest(token.encode(), given.strip(b" ")):
                found = scope
        return found if scheme.lower() == b"bearer" else None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """Return the tokens of the environment variables `ENVIRONMENT`; None if none of them is set.

        Raises
        ------
        ConfigurationError: If only some are set, or a token is invalid.
        """
        values = {scope: environment.get(name, "") for scope, name in ENVIRONMENT.items()}
        if not any(values.values()):
            return None
        missing = next((ENVIRONMENT[scope] for scope, value in values.items() if not value), None)
        if missing is not None:
            raise ConfigurationError(
                f"The environment variable {missing} is not set. Set all three of {', '.join(ENVIRONMENT.values())}.",
                key=(missing,),
            )
        return cls(**values)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Return the tokens of a file with the lines `read: TOKEN`, `explain: TOKEN` and `write: TOKEN`.

        Raises
        ------
        ConfigurationError: If other users can read or change the file, a line is invalid or missing, or a token is.
        OutputError: If the file cannot be read.
        """
        # a mounted secret is a link
        with wrap_os_errors(path, "read"), open_plain_file(os.path.realpath(path)) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise ConfigurationError(
                    f"{path} can be used by other users (mode {mode:04o}). Run: chmod 600 {path}", key=("--tokens",)
                )
            content = file.read(_MAX_FILE + 1)
        return cls(**_parse(content, path))

    def _items(self) -> tuple[tuple[Scope, str], ...]:
        return (("read", self.read), ("explain", self.explain), ("write", self.write))


def create_token_file(path: Path) -> None:
    """Write three random tokens to a new file that only its owner can read.

    Raises
    ------
    ConfigurationError: If the file exists.
    OutputError: If it cannot be written.
    """
    if os.path.lexists(path):
        raise ConfigurationError(
            f"{path} exists. Remove it first: its tokens become invalid at the next start.", key=("--create-tokens",)
        )
    lines = [f"{scope}: {secrets.token_urlsafe(32)}\n" for scope in get_args(Scope)]
    with wrap_os_errors(path):
        replace_file(path, "".join(lines), mode=0o600)


def _parse(content: bytes, path: Path) -> dict[str, str]:
    scopes = get_args(Scope)
    found: dict[str, str] = {}
    if len(content) <= _MAX_FILE:
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
            name, colon, value = (part.strip() for part in line.partition(":"))
            if not name or name.startswith("#"):
                continue
            if not colon or name not in scopes or name in found:
                # without the content of the line, which may be a token
                raise ConfigurationError(
                    f"{path}, line {number}: invalid. Use one line each: read: TOKEN, explain: TOKEN, write: TOKEN.",
                    path=str(path),
                    line=number,
                )
            found[name] = value
    missing = [scope for scope in scopes if scope not in found]
    if missing:
        raise ConfigurationError(
            f"{make_printable(str(path))} has no line `{missing[0]}: TOKEN`. Create a file with `scoring live "
            "--create-tokens FILE`.",
            path=str(path),
            key=(missing[0],),
        )
    return found
