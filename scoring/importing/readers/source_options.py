"""How to read a source: the options that a mapping file, a command or a caller states."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from scoring.errors import ConfigurationError, shorten_repr

__all__ = ["SourceOptions", "format_option", "locate_option"]

DELIMITER_NAMES: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}


@dataclass(frozen=True)
class SourceOptions:
    """How to read a source. Each kind of source uses some of the options; another one is an error.

    Attributes
    ----------
    encoding: the encoding of text, such as cp932; None for UTF-8, or UTF-16 with a byte order mark.
    delimiter: the character between fields, or one of `DELIMITER_NAMES`; None to detect it from the header.
    header: the column names of a source that does not contain them.
    sheet: name or number (from 1) of a sheet in a workbook; None for the only one.
    table: the table of a database.
    query: the SQL query of a database.

    Raises
    ------
    ConfigurationError: If the encoding does not exist or the delimiter is not one character. `key` names the option.
    """

    encoding: str | None = None
    delimiter: str | None = None
    header: tuple[str, ...] = ()
    sheet: str | int | None = None
    table: str | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None:
            _check_encoding(self.encoding)
        if self.delimiter is not None:
            delimiter = DELIMITER_NAMES.get(self.delimiter.lower(), self.delimiter)
            if len(delimiter) != 1 or delimiter in '"\r\n\0':
                raise ConfigurationError(
                    f"delimiter: {shorten_repr(self.delimiter)} is not one character. Use a character such as ; or "
                    f"one of: {', '.join(name for name in DELIMITER_NAMES if name.isalpha())}.",
                    key=("delimiter",),
                )
            object.__setattr__(self, "delimiter", delimiter)

    @property
    def given(self) -> dict[str, Any]:
        """The options that are stated, by name."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) not in (None, ())}


def format_option(name: str) -> str:
    """Return the option of the command: `--sheet`."""
    return "--source-table" if name == "table" else f"--{name}"


def locate_option(name: str, value: str = "") -> str:
    """Return where the user states an option.

    Example
    -------
    >>> locate_option("encoding", "cp932")
    '`encoding: cp932` in a mapping, or --encoding cp932'
    """
    option = format_option(name)
    return f"`{name}: {value}` in a mapping, or {option} {value}" if value else f"`{name}:` in a mapping, or {option}"


def _check_encoding(encoding: str) -> None:
    try:
        "".encode(encoding)
        b"".decode(encoding)
    except (LookupError, ValueError):
        raise ConfigurationError(
            f"encoding: {shorten_repr(encoding)} does not exist. Use a name such as utf-8, cp932, utf-16 or cp1252.",
            key=("encoding",),
        ) from None
