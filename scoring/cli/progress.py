"""Progress output of long commands on stderr: bars and times on a terminal, plain lines otherwise."""

from __future__ import annotations

import io
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from statistics import median_low
from typing import IO, Any, cast

from rich.console import Console, ConsoleOptions
from rich.markup import escape
from rich.segment import Segment
from rich.table import Table

__all__ = ["Progress", "make_console"]

Advance = Callable[[int, int], None]

_SECONDS_BETWEEN_LINES = 5.0
_TABLE_WIDTH = 100_000


def make_console() -> Console:
    """Return the console for results on stdout.

    In a file or a pipe, sentences have at least 80 columns, rows of tables are not wrapped or cut, and lines do not end
    with spaces.
    """
    console = Console(highlight=False, soft_wrap=False)
    if console.is_terminal:
        return console
    return _PipeConsole(file=cast(IO[str], _StrippedOutput()), highlight=False, width=max(80, console.width))


class _PipeConsole(Console):
    """Renders tables as wide as their rows."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*objects, **({"crop": False} | options))

    def render(self, renderable: Any, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        options = options or self.options
        if isinstance(renderable, Table):
            options = options.update(max_width=_TABLE_WIDTH)
            for column in renderable.columns:
                column.max_width = None
        return super().render(renderable, options)


class _StrippedOutput(io.TextIOBase):
    """Writes to stdout without spaces at line ends. Rich pads the last column of a table to its width."""

    def write(self, text: str) -> int:
        sys.stdout.write(re.sub(r" +(?=\n)", "", text))
        return len(text)

    def flush(self) -> None:
        sys.stdout.flush()


class _RemainingTime:
    """Estimates the remaining time from the median of the later half of the steps.

    The first steps are slower, because they compile kernels or contain work of an earlier process. One later step may
    be slow as well: with the mean, a trial that waited 40 s for another process made 30 s of work look like an hour.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[int, float]] = []  # units done, and the time

    def add(self, done: int, now: float) -> None:
        """Add a step that ended now."""
        if done > (self._steps[-1][0] if self._steps else 0):
            self._steps.append((done, now))

    def describe(self, total: int) -> str:
        """Return the time left as the end of a line; "" for fewer than three steps or one second, and at the end."""
        if len(self._steps) < 3 or self._steps[-1][0] >= total or self._steps[-1][1] - self._steps[0][1] <= 1:
            return ""
        later = self._steps[min(len(self._steps) // 2, len(self._steps) - 3) :]
        seconds = [(now - start) / (done - before) for (before, start), (done, now) in pairwise(later)]
        return f", {median_low(seconds) * (total - later[-1][0]):.0f} s left"


class Progress:
    """Prints stages and progress. `clock` returns seconds."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._clock = clock

    def print_line(self, line: str) -> None:
        """Print one line without markup."""
        self._console.print(line, markup=False, soft_wrap=True)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show the name of a stage while it runs, and print its duration at the end."""
        started = self._clock()
        if self._console.is_terminal:
            with self._console.status(escape(f"{name} …")):
                yield
        else:
            yield
        self.print_line(f"{name}: {self._clock() - started:.1f} s")

    @contextmanager
    def steps(self, name: str) -> Iterator[Callable[[str], None]]:
        """Show the current step of a stage of unknown length. The context value is a function to call with the step.

        On a terminal, the step and the elapsed time are on one line that changes. Otherwise a step is printed if the
        previous line is at least 5 s old. At the end, the duration is printed.
        """
        started = printed_at = self._clock()
        if self._console.is_terminal:
            from rich import progress

            columns = [
                progress.SpinnerColumn(),
                progress.TextColumn("{task.description}", markup=False),
                progress.TimeElapsedColumn(),
            ]
            with progress.Progress(*columns, console=self._console, transient=True) as line:
                task = line.add_task(f"{name} …", total=None)
                yield lambda step: line.update(task, description=f"{name}: {step}")
        else:

            def print_step(step: str) -> None:
                nonlocal printed_at
                now = self._clock()
                if now - printed_at >= _SECONDS_BETWEEN_LINES:
                    printed_at = now
                    self.print_line(f"{name}, {now - started:.0f} s: {step}")

            yield print_step
        self.print_line(f"{name}: {self._clock() - started:.1f} s")

    @contextmanager
    def bar(self, name: str, unit: str) -> Iterator[Advance]:
        """Show progress. The context value is a function to call with (done, total)."""
        if not self._console.is_terminal:
            yield self._make_line_printer(name, unit)
            return
        from rich import progress

        columns: list[Any] = [
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f} " + unit + "{task.fields[left]}"),
        ]
        remaining = _RemainingTime()
        with progress.Progress(*columns, console=self._console, transient=True) as bars:
            task = bars.add_task(name, total=1, left="")

            def update(done: int, total: int) -> None:
                remaining.add(done, self._clock())
                bars.update(task, completed=done, total=max(total, 1), left=remaining.describe(total))

            yield update

    def _make_line_printer(self, name: str, unit: str) -> Advance:
        printed_at = self._clock()
        remaining = _RemainingTime()

        def advance(done: int, total: int) -> None:
            nonlocal printed_at
            now = self._clock()
            remaining.add(done, now)
            if not done or (now - printed_at < _SECONDS_BETWEEN_LINES and done < total):
                return
            printed_at = now
            self.print_line(f"{name}: {done:,} of {total:,} {unit}{remaining.describe(total)}")

        return advance

    @contextmanager
    def warnings(self) -> Iterator[None]:
        """Print each warning as one line."""
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = lambda message, *_, **__: self.print_line(f"warning: {message}")
            yield
