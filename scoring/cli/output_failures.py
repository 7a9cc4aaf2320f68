"""Output of commands: characters that the encoding lacks, streams that cannot be written, and the exit code then.

A command never fails while it prints. `OutputGuard` replaces stdout and stderr for the time of a command:

- A character that the encoding of the stream lacks is replaced, by a similar one in ASCII or by `?`.
- If a stream cannot be written, its error is kept and later text is dropped. The command continues and publishes.

At the end `OutputGuard.finish` decides the exit code. A command that has stored its result (`note_stored`) succeeds,
with a warning. A command that stored nothing fails. It prints no error if the reader of a pipe has closed it, as
`head` does. Otherwise it prints an error.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from types import TracebackType
from typing import Final, Self, TextIO

from scoring.errors import pluralize
from scoring.storage.os_errors import describe_os_error

__all__ = ["BROKEN_PIPE_EXIT_CODE", "OutputGuard", "can_encode_all", "note_stored", "open_closed_descriptors"]

BROKEN_PIPE_EXIT_CODE: Final = 141
"""Exit code if the reader of stdout has closed the pipe, equal to that of a process ended by SIGPIPE."""

_SIMILAR: Final = {
    "·": "-", "…": "...", "→": "->", "←": "<-", "×": "x", "−": "-", "–": "-", "—": "-", "≥": ">=", "≤": "<=", "±": "+-",
    "“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ", "━": "-", "─": "-", "│": "|", "╸": "-", "╺": "-",
}  # fmt: skip
"""Characters of the package's own texts → text in ASCII that is printed if the encoding lacks them."""

_stored: list[str] = []
"""What the command has stored, as sentences."""


def note_stored(sentence: str) -> None:
    """Note that the result of the command is stored. From now on, a stream that cannot be written is a warning."""
    _stored.append(sentence)


def can_encode_all() -> bool:
    """Return whether the encoding of stdout contains all characters."""
    return codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name.startswith("utf")


def open_closed_descriptors() -> None:
    """Open descriptors 0 to 2 if the process was started without them (`>&-`).

    Otherwise the next opened file gets descriptor 0, 1 or 2, and text for stdout could be written to a database.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number


class _GuardedStream(io.TextIOBase):
    """Writes to a stream that may be missing or fail.

    Attributes
    ----------
    error: The first error. All later text is dropped. None: everything was written.
    n_replaced: Characters that were replaced by `?`.
    """

    def __init__(self, stream: TextIO | None, handler: str) -> None:
        self._stream = stream
        self.error = OSError(errno.EBADF, os.strerror(errno.EBADF)) if stream is None else None
        self.n_replaced = 0
        codecs.register_error(handler, self._replace)
        if isinstance(stream, io.TextIOWrapper):
            try:
                stream.reconfigure(errors=handler)
            except OSError as error:  # text from before could not be written
                self.error = error

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base class has an attribute
        return getattr(self._stream, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # as above
        return getattr(self._stream, "errors", None)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("fileno")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"text is needed, not {type(text).__name__}")
        if self._stream is not None and self.error is None:
            try:
                self._stream.write(text)
            except OSError as error:
                self.error = error
        return len(text)

    def flush(self) -> None:
        if self._stream is not None and self.error is None:
            try:
                self._stream.flush()
            except OSError as error:
                self.error = error

    def discard(self) -> None:
        """Drop text that could not be written. Otherwise Python writes it at exit, and reports a second error."""
        if self._stream is None or self.error is None:
            return
        try:
            number = self._stream.fileno()
        except OSError:  # a stream of a test
            return
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)

    def _replace(self, error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        pieces = []
        for character in error.object[error.start : error.end]:
            similar = _SIMILAR.get(character)
            self.n_replaced += similar is None
            pieces.append("?" if similar is None else similar)
        return "".join(pieces), error.end


class OutputGuard:
    """A context manager that guards stdout and stderr; see the docstring of the module."""

    def __enter__(self) -> Self:
        _stored.clear()
        self._before = sys.stdout, sys.stderr
        self._stdout = _GuardedStream(sys.stdout, "scoring.stdout")
        self._stderr = _GuardedStream(sys.stderr, "scoring.stderr")
        sys.stdout, sys.stderr = self._stdout, self._stderr
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        sys.stdout, sys.stderr = self._before
        for stream in (self._stdout, self._stderr):
            stream.discard()

    def finish(self, code: int) -> int:
        """Return the exit code of a command that ended with this code. Report what could not be printed on stderr."""
        self._stdout.flush()
        error = self._stdout.error
        if error is None:
            if self._stdout.n_replaced:
                count = pluralize(self._stdout.n_replaced, "character")
                self._print_line(
                    f"warning: {self._stdout.encoding} cannot encode the whole output: ? replaces {count}. "
                    "Set PYTHONIOENCODING=utf-8 to print all characters."
                )
        elif code == 0 and _stored:
            self._print_line(f"warning: {_describe(error)} {' '.join(_stored)}")
        elif code == 0 and error.errno == errno.EPIPE:
            code = BROKEN_PIPE_EXIT_CODE
        elif code == 0:
            self._print_line(f"error: {_describe(error)} Redirect it to another file.")
            code = 1
        self._stderr.flush()
        return code

    def _print_line(self, line: str) -> None:
        self._stderr.write(f"{line}\n")


def _describe(error: OSError) -> str:
    return f"The output cannot be written to stdout: {describe_os_error(error)}."
