"""Names that are safe as folders on every system, and the way to name a version of a profile."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from scoring.catalog import preset_names
from scoring.errors import ConfigurationError, printable

__all__ = ["PROMOTED", "Reference", "checked_name", "clash_key"]

PROMOTED = "promoted"
"""Stands for the version in use, wherever a profile is named."""

_EXAMPLE = "night-2026@3"
_MOST_CHARACTERS, _MOST_BYTES = 80, 240
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
_FILES = (".yaml", ".yml", ".json", ".jsonl")


@dataclass(frozen=True)
class Reference:
    """A profile's name and a version of it; None is the newest."""

    name: str
    version: int | None = None

    def __str__(self) -> str:
        return self.name if self.version is None else f"{self.name}@{self.version}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """`NAME` or `NAME@VERSION`. Raises ConfigurationError."""
        name, at, version = text.rpartition("@") if "@" in text else (text, "", "")
        if not at:
            return cls(checked_name(name))
        if not (version.isascii() and version.isdecimal() and len(version) <= 9 and int(version)):
            raise ConfigurationError(
                f"profile {printable(text, 60)}: after @ comes the number of a version, such as {_EXAMPLE}."
            )
        return cls(checked_name(name), int(version))


def checked_name(name: str) -> str:
    """The name, composed (NFC), when it can be a folder's everywhere. Raises ConfigurationError.

    Letters and digits of any script, `-`, `_` and `.`: a Japanese name is a name. Marks that Unicode does not compose
    with their letter are refused, because most of them cannot be seen.
    """
    whole = unicodedata.normalize("NFC", name)
    problem = _problem(whole)
    if problem:
        raise ConfigurationError(f"profile name {printable(name, 60)!r}: {problem}.")
    return whole


def _problem(name: str) -> str | None:
    strange = [character for character in name if not _allowed(character)]
    if strange:
        # marks and blanks would not be seen
        shown = ascii(strange[0]) if unicodedata.category(strange[0])[0] in "CMZ" else repr(strange[0])
        return f"it holds {shown}; write letters, digits, `-`, `_` and `.`"
    if not name:
        return "it is empty; write letters and digits"
    if len(name) > _MOST_CHARACTERS or len(name.encode()) > _MOST_BYTES:
        return f"it is too long; take at most {_MOST_CHARACTERS} characters and {_MOST_BYTES} bytes"
    if name[0] in ".-" or name[-1] == ".":
        return "begin it with a letter or a digit, and end it with no dot"
    key = clash_key(name)
    if key.endswith(_FILES):
        return f"leave `{name[name.rindex('.') :]}` out, which is a file's ending"
    if key.split(".")[0] in _DEVICES:
        return "Windows keeps it for a device; take another"
    if key == PROMOTED or key in preset_names():
        what = "stands for the version in use" if key == PROMOTED else "is a model that ships"
        return f"it {what}; take another"
    return None


def _allowed(character: str) -> bool:
    return character in "-_." or unicodedata.category(character)[0] == "L" or unicodedata.category(character) == "Nd"


def clash_key(name: str) -> str:
    """Equal for names that some file systems, or readers, take for one: of another case or width."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
