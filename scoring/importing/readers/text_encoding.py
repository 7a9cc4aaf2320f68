"""Open text files: gzip, encodings, byte order marks, and a guess at the encoding of text that cannot be decoded."""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from scoring.errors import DataError
from scoring.importing.readers.source_options import locate_option
from scoring.storage.os_errors import describe_os_error

__all__ = ["TextEncoding", "find_encoding", "guess_encoding", "open_binary", "open_text"]

INVALID: Final = "\udcff"
"""Replaces bytes that cannot be decoded. Decoded text cannot contain it, because it is an unpaired surrogate."""

CHUNK: Final = 1 << 20
MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CANDIDATES: Final = ("cp932", "euc_jp", "cp949", "gb18030", "cp1252")
WESTERN: Final = frozenset("äöüÄÖÜßéèêëàâáãåæçîïíìôóòõøœùûúñÿÉÈÀÂÇÊÎÔÅÆØÑ€£§°©®–—‘’“”„…•·«»¡¿²³½")  # fmt: skip
MIN_PLAUSIBLE: Final = 0.6
MIN_UTF8_BYTES: Final = 8
"""Non-ASCII bytes from which valid UTF-8 is not a coincidence in text of another encoding."""


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return INVALID, max(error.end, error.start + 1)


codecs.register_error("scoring-invalid", _mark_invalid)


@dataclass(frozen=True)
class TextEncoding:
    """The encoding of a file, and whether all of its bytes can be decoded."""

    name: str
    is_valid: bool


MAX_UNPACKED: Final = 2**28
MAX_RATIO: Final = 200
"""A gzip file is not read further if it unpacks to more than `MAX_UNPACKED` bytes and `MAX_RATIO` times its size."""


class _Unpacked(io.RawIOBase):
    """The content of a gzip file, up to a plausible size. Text compresses to a fifth, a thousandth is an attack."""

    def __init__(self, path: Path, content: gzip.GzipFile) -> None:
        self._path, self._content = path, content
        self._limit = max(MAX_UNPACKED, MAX_RATIO * path.stat().st_size)
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._content.read1(len(buffer))
        self._read += len(data)
        if self._read > self._limit:
            raise DataError(
                f"{self._path} unpacks to more than {self._limit:,} bytes, at least {MAX_RATIO} times its size. "
                "Unpack the file and check its content, then import the unpacked file.",
                reason="too large",
                path=str(self._path),
            )
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def open_binary(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes; a name that ends with .gz is decompressed.

    Raises
    ------
    DataError: If the file cannot be read, is not complete gzip, or unpacks to an implausible size.
    """
    try:
        with path.open("rb") as file:
            if path.suffix.lower() != ".gz":
                yield file
                return
            with gzip.open(file) as unpacked, io.BufferedReader(_Unpacked(path, unpacked)) as content:
                yield content
    except (OSError, EOFError, zlib.error) as error:
        problem = describe_os_error(error) if isinstance(error, OSError) else str(error)
        raise DataError(
            f"{path} cannot be read: {problem.rstrip('.')}. Check the file and its permissions.",
            reason="unreadable",
            path=str(path),
        ) from error


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    """Yield the lines of a text file with their ends. Invalid bytes become `INVALID`; leading marks are removed."""
    with open_binary(path) as binary, io.TextIOWrapper(binary, encoding, errors="scoring-invalid", newline="") as file:
        first = next(file, "").lstrip("\ufeff")
        yield itertools.chain([first] if first else [], file)


def find_encoding(path: Path, stated: str | None) -> TextEncoding:
    """Return the encoding of a text file: the stated one, that of the byte order mark, or UTF-8.

    Raises
    ------
    DataError: If most lines that are not ASCII cannot be decoded, and can be in another encoding, which it names.
    """
    with open_binary(path) as file:
        head = file.read(4096)
    marked = next((name for mark, name in MARKS if head.startswith(mark)), None)
    name = codecs.lookup(stated or marked or "utf-8").name.removesuffix("-sig")  # `open_text` removes marks
    line, guess = None, None
    if marked is not None and name[:6] != marked:
        line, guess = 1, marked
    elif stated is None and name == "utf-8":
        guess = _guess_seven_bits(head)
        line = 1 if guess else None
    elif not name.startswith("utf") and _is_certainly_utf8(path):
        guess, line = "utf-8", 1
    is_valid = line is None and _can_decode(path, name)
    if line is None and not is_valid:
        line, guess = _examine_lines(path, name)
    if line is not None and guess is not None:
        raise DataError(
            f"{path}, line {line}: the text is not {name}; this looks like {guess}. Use "
            f"{locate_option('encoding', guess)}.",
            reason="wrong encoding",
            path=str(path),
            line=line,
            value=guess,
        )
    return TextEncoding(name, is_valid)


def _guess_seven_bits(head: bytes) -> str | None:
    """Return an encoding whose bytes are valid UTF-8 too: UTF-16 without a mark, or ISO-2022-JP."""
    if b"\x1b$B" in head or b"\x1b$@" in head:
        return "iso2022_jp"
    half = len(head) // 2
    for parity, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[parity::2].count(0) > max(half / 4, 4) and not head[1 - parity :: 2].count(0):
            return name
    return None


def _can_decode(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with open_binary(path) as file:
        try:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
    return True


def _is_certainly_utf8(path: Path) -> bool:
    count = 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_binary(path) as file:
        try:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
                count += len(chunk) - len(chunk.decode("ascii", errors="ignore"))
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
    return count >= MIN_UTF8_BYTES


def _examine_lines(path: Path, encoding: str) -> tuple[int | None, str | None]:
    """Return the first invalid line and a guess; None if at least half of the lines that are not ASCII are valid."""
    is_wide = encoding.startswith(("utf-16", "utf-32"))  # a line end is not one byte
    first: int | None = None
    valid = invalid = 0
    sample = b""
    with open_binary(path) as file:
        for number, line in enumerate(file, 1):
            if line.isascii() and not is_wide:
                continue
            try:
                if is_wide:
                    raise UnicodeError
                line.decode(encoding)
                valid += 1
            except UnicodeError:
                invalid += 1
                first = first or number
                if len(sample) < CHUNK:
                    sample += line
    # bytes of one Japanese encoding are often valid in another, but rarely valid in UTF-8
    is_wrong = invalid > valid if encoding == "utf-8" else invalid >= valid
    return (first, guess_encoding(sample, encoding)) if is_wrong else (None, None)


def guess_encoding(data: bytes, other_than: str = "utf-8") -> str | None:
    """Return the encoding in which the bytes are plausible text; None if there is none.

    Example
    -------
    >>> guess_encoding("時給1,200円".encode("cp932"))
    'cp932'
    """
    try:
        if other_than != "utf-8" and not data.isascii() and data.decode("utf-8"):
            return "utf-8"
    except UnicodeError:
        pass
    best: tuple[float, str | None] = (MIN_PLAUSIBLE, None)
    for name in CANDIDATES:
        try:
            text = data.decode(name)
        except UnicodeError:
            continue
        characters = [character for character in text if not character.isascii()]
        score = sum(map(_rate, characters)) / len(characters) if characters else 0
        if name != codecs.lookup(other_than).name and score > best[0]:
            best = (score, name)
    return best[1]


def _rate(character: str) -> float:
    """Return how frequent a character is in ordinary text, from 0 to 1."""
    if "\u3040" <= character <= "\u30ff":  # kana
        return 1.0
    if "\uac00" <= character <= "\ud7a3":  # Hangul: the syllables of KS X 1001 are the frequent ones
        return 1.0 if len(character.encode("euc_kr", errors="ignore")) == 2 else 0.1
    if "\u4e00" <= character <= "\u9fff":
        encoded = character.encode("euc_jp", errors="ignore")
        return 0.9 if encoded and encoded[0] < 0xD0 else 0.2  # the common and the rare half of JIS X 0208
    if "\uff01" <= character <= "\uff60" or "\u3000" <= character <= "\u303f":  # full-width ASCII, punctuation
        return 0.9
    return 0.8 if character in WESTERN else 0.0
