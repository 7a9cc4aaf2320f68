"""Checks of profile names, which must be valid folder names on every system, and the syntax NAME@VERSION."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from scoring.errors import ConfigurationError, make_printable, shorten_repr
from scoring.model_catalog import list_preset_names

__all__ = ["PROMOTED", "Reference", "check_name", "make_clash_key"]

PROMOTED = "promoted"
"""Reserved name of the version in use, accepted instead of a profile name."""

_EXAMPLE = "night-2026@3"
_MOST_CHARACTERS, _MOST_BYTES = 80, 240
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
_FILES = (".yaml", ".yml", ".json", ".jsonl")


@dataclass(frozen=True)
class Reference:
    """A profile name and a version. None is the newest version."""

    name: str
    version: int | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}@{self.version}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse `NAME` or `NAME@VERSION`.

        Raises
        ------
        ConfigurationError: If the name or the version is invalid.
        """
        name, at, version = text.rpartition("@") if isinstance(text, str) and "@" in text else (text, "", "")
        if not at:
            return cls(check_name(name))
        if not (version.isascii() and version.isdecimal() and len(version) <= 9 and int(version)):
            raise ConfigurationError(
                f"profile {make_printable(text, 60)}: the text after @ is not a version. "
                f"Use an integer of 1 or more, as in {_EXAMPLE}.",
                key=("version",),
            )
        return cls(check_name(name), int(version))


def check_name(name: str) -> str:
    """Return the name in Unicode form NFC if it is a valid folder name on every system.

    Letters and digits of any script, `-`, `_` and `.` are valid, so Japanese names are too. Combining marks that NFC
    does not compose with their letter are rejected, because most of them are invisible.

    Raises
    ------
    ConfigurationError: If the name is invalid.
    """
    if not isinstance(name, str):
        raise ConfigurationError(f"profile name {shorten_repr(name)}: it is not text. Use a name.", key=("name",))
    whole = unicodedata.normalize("NFC", name)
    problem = _describe_problem(whole)
    if problem:
        raise ConfigurationError(f"profile name {make_printable(name, 60)!r}: {problem}.", key=("name",))
    return whole


def _describe_problem(name: str) -> str | None:
    invalid = list(dict.fromkeys(character for character in name if not _is_allowed(character)))
    if invalid:
        # combining marks, control characters and spaces would be invisible in the message
        shown = [ascii(one) if unicodedata.category(one)[0] in "CMZ" else repr(one) for one in invalid[:3]]
        return f"it contains {' and '.join(shown)}. Use letters, digits, `.`, `-` and `_`"
    if not name:
        return "it is empty. Use letters and digits"
    if len(name) > _MOST_CHARACTERS or len(name.encode()) > _MOST_BYTES:
        return f"it is too long. Use at most {_MOST_CHARACTERS} characters and {_MOST_BYTES} bytes"
    if name[0] in ".-" or name[-1] == ".":
        return "it begins with `.` or `-`, or ends with `.`. Begin it with a letter or a digit"
    key = make_clash_key(name)
    if key.endswith(_FILES):
        return f"it ends with the file extension `{name[name.rindex('.') :]}`. Omit the extension"
    if key.split(".")[0] in _DEVICES:
        return "it is the name of a device on Windows. Use another name"
    if key == PROMOTED or key in list_preset_names():
        meaning = "refers to the version in use" if key == PROMOTED else "is the name of a shipped model"
        return f"it {meaning}. Use another name"
    return None


def _is_allowed(character: str) -> bool:
    return character in "-_." or unicodedata.category(character)[0] == "L" or unicodedata.category(character) == "Nd"


def make_clash_key(name: str) -> str:
    """Return a key that is equal for names that differ only in case or width, as some file systems ignore both."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
