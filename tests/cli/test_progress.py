"""Progress lines on a file, with a clock that the test sets."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from scoring.cli.progress import Progress, make_console


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(output: io.StringIO, clock: Clock) -> Progress:
    return Progress(Console(file=output, width=200), clock)


def test_estimate_leaves_out_the_first_step(progress: Progress, output: io.StringIO, clock: Clock) -> None:
    """The first step takes 30 s, because it compiles kernels. Each of the next steps takes 2 s."""
    with progress.bar("ranking", "users") as advance:
        for done in range(5):
            clock.seconds = 30 + 2 * done
            advance(1 + done, 11)
    assert output.getvalue().splitlines() == ["ranking: 1 of 11 users", "ranking: 4 of 11 users, 14 s left"]


def test_estimate_leaves_out_resumed_work(progress: Progress, output: io.StringIO, clock: Clock) -> None:
    with progress.bar("search", "trials") as advance:
        advance(900, 1_000)
        clock.seconds = 6
        advance(906, 1_000)
    assert output.getvalue().splitlines() == ["search: 906 of 1,000 trials, 94 s left"]


def test_steps_print_at_most_every_five_seconds(progress: Progress, output: io.StringIO, clock: Clock) -> None:
    with progress.steps("reach") as show:
        for seconds in (1, 6, 7, 12):
            clock.seconds = seconds
            show(f"step {seconds}")
    assert output.getvalue().splitlines() == ["reach, 6 s: step 6", "reach, 12 s: step 12", "reach: 12.0 s"]


def test_piped_tables_are_not_cut_wrapped_or_padded(capsys: pytest.CaptureFixture[str]) -> None:
    """Sentences are wrapped at 80 columns. Wide characters take two columns."""
    table = Table(box=None)
    table.add_column("title", overflow="ellipsis", no_wrap=True, max_width=10)
    table.add_column("facts", overflow="fold")
    title, facts = "東京都の会社" * 10, "word " * 40 + "end"
    table.add_row(title, facts)
    table.add_row("short", "")
    make_console().print(Group(Text("sentence " * 12), table))
    lines = capsys.readouterr().out.splitlines()
    assert any(title in line and facts in line for line in lines)
    assert all(line == line.rstrip() for line in lines)
    assert len(lines) == 5
