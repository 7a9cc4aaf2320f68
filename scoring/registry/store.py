"""Files of profiles: one folder per name, one file per version. The first version is `0001.yaml`.

The users that a version was fitted and selected on are in `0001.users.json` beside it.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from scoring.errors import ConfigurationError, ModelError, OutputError
from scoring.registry.names import Reference, check_name, make_clash_key
from scoring.storage.atomic_file import create_file
from scoring.storage.os_errors import describe_os_error, wrap_os_errors
from scoring.storage.regular_file_reader import contains_name, open_folder, read_plain_file

__all__ = ["MAX_BYTES", "ProfileStore", "open_root"]

MAX_BYTES: Final = 1_000_000
"""Limit for the file of one version. A profile takes a few thousand bytes."""

MAX_USERS_BYTES: Final = 200_000_000
"""Limit for the file of users of one version. A user takes about ten bytes."""

_FILE = re.compile(r"(\d{4,9})\.yaml", re.ASCII)


@contextmanager
def open_root(path: Path, action: str = "read") -> Iterator[int]:
    """Open the folder of a registry. The path may be a symbolic link.

    Raises
    ------
    OutputError: If the folder cannot be opened. The message contains the path.
    """
    with ExitStack() as stack:
        with wrap_os_errors(path, action):
            handle = stack.enter_context(open_folder(path))
        yield handle


class ProfileStore:
    """Texts by name and version under `root`. Symbolic links inside it are rejected. Files are never overwritten."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str, version: int) -> Path:
        return self.root / name / _format_file_name(version)

    def users_path(self, name: str, version: int) -> Path:
        return self.root / name / _format_users_file_name(version)

    def names(self) -> list[str]:
        """Return the sorted names of the profiles with at least one version.

        Raises
        ------
        OutputError: If the folder cannot be read.
        """
        return sorted(name for name in self._folders() if self.versions(name))

    def versions(self, name: str) -> list[int]:
        """Return the versions in ascending order. The list is empty if the profile does not exist.

        Raises
        ------
        ConfigurationError: If the name is invalid.
        OutputError: If the folder cannot be read.
        """
        name = check_name(name)
        if not self.root.exists():
            return []
        with open_root(self.root) as root, wrap_os_errors(self.root / name, "read"):
            if not contains_name(name, root):
                return []
            with open_folder(name, folder=root) as inside:
                return _list_versions(inside)

    def text(self, name: str, version: int | None = None) -> tuple[int, str]:
        """Return the version number and its text. None is the newest version.

        Raises
        ------
        ConfigurationError: If the name is invalid.
        ModelError: If the version does not exist or its file is not UTF-8.
        OutputError: If the file cannot be read.
        """
        name = check_name(name)
        versions = self.versions(name)
        if not versions or version not in (None, *versions):
            raise ModelError(
                self._missing(name, version, versions),
                key=("version",) if versions and version is not None else ("name",),
            )
        chosen = versions[-1] if version is None else version
        path = self.path(name, chosen)
        with open_root(self.root) as root, wrap_os_errors(path, "read"), open_folder(name, folder=root) as inside:
            content = read_plain_file(_format_file_name(chosen), MAX_BYTES, folder=inside)
        return chosen, _decode(content, path)

    def users(self, name: str, version: int) -> str | None:
        """Return the text of a version's file of users; None if it has none.

        Raises
        ------
        ModelError: If the file is not UTF-8.
        OutputError: If the file cannot be read.
        """
        path = self.users_path(name, version)
        with open_root(self.root) as root, wrap_os_errors(path, "read"), open_folder(name, folder=root) as inside:
            if not contains_name(_format_users_file_name(version), inside):
                return None
            content = read_plain_file(_format_users_file_name(version), MAX_USERS_BYTES, folder=inside)
        return _decode(content, path)

    def add(self, name: str, text_of: Callable[[int], str], users: str | None = None) -> int:
        """Write the next version with the text that `text_of` returns, and return its number.

        `users` is the text of the file of users, which is written first. The files are on disk when this method
        returns. Concurrent writers get different numbers. If it raises, neither a version nor an empty folder of the
        name remains.

        Raises
        ------
        ConfigurationError: If the name is invalid, or differs from another one only in case or width.
        OutputError: If the file cannot be written or would be too large.
        """
        name = check_name(name)
        with wrap_os_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
        with open_root(self.root, "written") as root, wrap_os_errors(self.root / name):
            self._claim(name, root)
            try:
                with open_folder(name, folder=root) as inside:
                    return _add(inside, self.root / name, text_of, users)
            except BaseException:
                with suppress(OSError):  # removes the folder only if it is empty
                    os.rmdir(name, dir_fd=root)
                raise

    def _claim(self, name: str, root: int) -> None:
        """Create the folder of a name.

        Clashes are checked again afterwards, because another process may create a similar name at the same time.
        """
        self._require_no_clash(name)
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=root)
            os.fsync(root)
            try:
                self._require_no_clash(name)
            except ConfigurationError:
                os.rmdir(name, dir_fd=root)
                raise

    def _require_no_clash(self, name: str) -> None:
        for other in self._folders():
            if other != name and make_clash_key(other) == make_clash_key(name):
                raise ConfigurationError(
                    f"profile name {name!r}: {other!r} exists, and some file systems treat both names as equal. "
                    f"Use {other!r}, or a name that differs in more than case and form.",
                    key=("name",),
                )

    def _folders(self) -> list[str]:
        if not self.root.exists():
            return []
        with open_root(self.root) as root, wrap_os_errors(self.root, "read"), os.scandir(root) as entries:
            # symbolic links and folders with invalid names are not profiles
            folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        return [name for name in (unicodedata.normalize("NFC", name) for name in folders) if _is_name(name)]

    def _missing(self, name: str, version: int | None, versions: list[int]) -> str:
        if versions:
            return f"profile {Reference(name, version)} does not exist. The newest version is {versions[-1]}."
        names = self.names()
        if not names:
            return f"profile {name}: {self.root} contains no profiles. Save one with `scoring profiles save`."
        close = difflib.get_close_matches(name, names, 1)
        hint = f"Did you mean {close[0]}?" if close else "`scoring profiles list` lists all profiles."
        return f"profile {name} does not exist in {self.root}. {hint}"


def _add(inside: int, path: Path, text_of: Callable[[int], str], users: str | None) -> int:
    version = (_list_versions(inside) or [0])[-1] + 1
    while True:
        content = text_of(version).encode()
        if len(content) > MAX_BYTES:
            raise OutputError(
                f"{path / _format_file_name(version)} would have more than {MAX_BYTES:,} bytes. Save fewer metrics, a "
                "shorter note, or shorter parameters of components.",
                path=str(path / _format_file_name(version)),
                errno=errno.EFBIG,
            )
        # a file of users without a version is that of a concurrent or killed writer: its number is not used
        if not contains_name(_format_users_file_name(version), inside) and _create(inside, version, content, users):
            return version
        version += 1


def _create(inside: int, version: int, content: bytes, users: str | None) -> bool:
    """Create the files of a version. Return False, and create none, if one of them exists."""
    if users is None:
        return create_file(_format_file_name(version), content, inside)
    if not create_file(_format_users_file_name(version), users.encode(), inside):
        return False
    is_created = False
    try:
        is_created = create_file(_format_file_name(version), content, inside)
    finally:
        if not is_created:
            os.unlink(_format_users_file_name(version), dir_fd=inside)
    return is_created


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{path}: {describe_os_error(error)}. Save the file as UTF-8, or restore it.", path=str(path)
        ) from error


def _format_file_name(version: int) -> str:
    return f"{version:04d}.yaml"


def _format_users_file_name(version: int) -> str:
    return f"{version:04d}.users.json"


def _list_versions(inside: int) -> list[int]:
    """Return the versions in a folder. Temporary files of interrupted writers have other names and are ignored."""
    versions = [int(match[1]) for match in map(_FILE.fullmatch, os.listdir(inside)) if match]
    return sorted(version for version in set(versions) if version and contains_name(_format_file_name(version), inside))


def _is_name(name: str) -> bool:
    try:
        return check_name(name) == name
    except ConfigurationError:
        return False
