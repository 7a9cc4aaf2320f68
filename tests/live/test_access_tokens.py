"""Tokens: where they come from, and what each permits."""

import os
import stat
from pathlib import Path

import pytest

from scoring.errors import ConfigurationError, OutputError
from scoring.live.access_tokens import ENVIRONMENT, AccessTokens, create_token_file

READ, EXPLAIN, WRITE = "r" * 20, "e" * 20, "w" * 20
LINES = f"read: {READ}\nexplain: {EXPLAIN}\nwrite: {WRITE}\n"


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens(READ, EXPLAIN, WRITE)


def write(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "tokens"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(("token", "scope"), [(READ, "read"), (EXPLAIN, "explain"), (WRITE, "write")])
def test_each_token_permits_its_scope(tokens: AccessTokens, token: str, scope: str) -> None:
    assert tokens.find_scope(f"Bearer {token}".encode()) == scope
    assert tokens.find_scope(f"bearer {token}".encode()) == scope


@pytest.mark.parametrize(
    "header",
    [
        b"", b"Bearer", b"Bearer ", READ.encode(), f"Basic {READ}".encode(), f"Bearer {READ[:-1]}".encode(),
        f"Bearer {READ}x".encode(), f"Bearer {READ} {WRITE}".encode(), "Bearer ｒ".encode(), b"Bearer \xff\xfe",
    ],
)  # fmt: skip
def test_other_headers_permit_nothing(tokens: AccessTokens, header: bytes) -> None:
    assert tokens.find_scope(header) is None


def test_repr_hides_tokens(tokens: AccessTokens) -> None:
    assert READ not in repr(tokens)
    assert READ not in str(tokens)


@pytest.mark.parametrize(
    "token", ["", "short", "r" * 19, "r" * 201, "with spaces in the token", "é" * 20, "r" * 20 + "\n"]
)
def test_weak_tokens_are_rejected(token: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AccessTokens(token, EXPLAIN, WRITE)
    assert caught.value.key == ("read",)


def test_equal_tokens_are_rejected() -> None:
    with pytest.raises(ConfigurationError) as caught:
        AccessTokens(READ, READ, WRITE)
    assert caught.value.key == ("tokens",)


def test_environment_without_tokens_is_none() -> None:
    assert AccessTokens.from_environment({}) is None
    assert AccessTokens.from_environment(dict.fromkeys(ENVIRONMENT.values(), "")) is None


def test_environment_with_all_tokens(tokens: AccessTokens) -> None:
    values = dict(zip(ENVIRONMENT.values(), (READ, EXPLAIN, WRITE), strict=True))
    assert AccessTokens.from_environment(values) == tokens


def test_environment_with_two_tokens_is_an_error() -> None:
    values = {ENVIRONMENT["read"]: READ, ENVIRONMENT["write"]: WRITE}
    with pytest.raises(ConfigurationError) as caught:
        AccessTokens.from_environment(values)
    assert caught.value.key == (ENVIRONMENT["explain"],)


def test_created_file_is_private_and_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    create_token_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = AccessTokens.from_file(path)
    assert len({found.read, found.explain, found.write}) == 3


def test_created_file_never_replaces_another(tmp_path: Path) -> None:
    path = write(tmp_path, LINES)
    with pytest.raises(ConfigurationError):
        create_token_file(path)
    assert path.read_text() == LINES


def test_comments_and_empty_lines_are_skipped(tmp_path: Path, tokens: AccessTokens) -> None:
    assert AccessTokens.from_file(write(tmp_path, f"# tokens\n\n{LINES}")) == tokens


def test_link_to_a_private_file_is_followed(tmp_path: Path, tokens: AccessTokens) -> None:
    link = tmp_path / "link"
    link.symlink_to(write(tmp_path, LINES))
    assert AccessTokens.from_file(link) == tokens


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o610, 0o644])
def test_file_that_others_can_use_is_rejected(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AccessTokens.from_file(write(tmp_path, LINES, mode))
    assert caught.value.key == ("--tokens",)
    assert READ not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (f"read {READ}\n", 1), (f"{READ}\n", 1), (f"admin: {READ}\n", 1), (LINES + f"read: {READ}x\n", 4),
        (f"READ: {READ}\n", 1),
    ],
)  # fmt: skip
def test_invalid_line_is_named_without_its_content(tmp_path: Path, content: str, line: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        AccessTokens.from_file(write(tmp_path, content))
    assert caught.value.line == line
    assert READ not in str(caught.value)


@pytest.mark.parametrize("content", ["", "\n\n", f"read: {READ}\n", b"\xff" * 10_001, "x" * 20_000])
def test_incomplete_file_is_an_error(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(ConfigurationError):
        AccessTokens.from_file(write(tmp_path, content))


def test_missing_file_folder_and_pipe_are_errors(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path in (tmp_path / "missing", tmp_path, pipe):
        with pytest.raises(OutputError):
            AccessTokens.from_file(path)
