"""Progress lines on a file, with a clock that the test sets."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from scoring.cli.progress import Progress, make_console
from tests.support.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


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
            clock.now = 30 + 2 * done
            advance(1 + done, 11)
    assert output.getvalue().splitlines() == ["ranking: 1 of 11 users", "ranking: 4 of 11 users, 14 s left"]


def test_estimate_leaves_out_a_later_slow_step(progress: Progress, output: io.StringIO, clock: Clock) -> None:
    """The second trial compiles kernels for 20 s. The other trials take 1 s each."""
    with progress.bar("search", "trials") as advance:
        for done, seconds in ((1, 1), (2, 21), (3, 22), (4, 23), (5, 24)):
            clock.now = seconds
            advance(done, 60)
        clock.now = 27
        advance(8, 60)
    assert output.getvalue().splitlines() == ["search: 2 of 60 trials", "search: 8 of 60 trials, 52 s left"]


def test_estimate_leaves_out_a_slow_last_step(progress: Progress, output: io.StringIO, clock: Clock) -> None:
    """Trials take 1 s each. The fifth one waits 40 s for another process."""
    with progress.bar("search", "trials") as advance:
        for done, seconds in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 44)):
            clock.now = seconds
            advance(done, 60)
    assert output.getvalue().splitlines() == ["search: 5 of 60 trials, 55 s left"]


@pytest.mark.parametrize("done", [0, 1, 40])
def test_bar_of_a_terminal_has_the_same_estimate(clock: Clock, done: int) -> None:
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    with Progress(console, clock).bar("search", "trials") as advance:
        for seconds in range(3 if done else 1):
            clock.now = seconds
            advance(done + seconds, 60)
    left = {0: "", 1: ", 57 s left", 40: ", 18 s left"}[done]
    assert f"of 60 trials{left}" in console.file.getvalue()  # type: ignore[attr-defined]


def test_estimate_leaves_out_resumed_work(progress: Progress, output: io.StringIO, clock: Clock) -> None:
    with progress.bar("search", "trials") as advance:
        for seconds in (0, 3, 6):
            clock.now = seconds
            advance(900 + seconds, 1_000)
    assert output.getvalue().splitlines() == ["search: 906 of 1,000 trials, 94 s left"]


def test_steps_print_at_most_every_five_seconds(progress: Progress, output: io.StringIO, clock: Clock) -> None:
    with progress.steps("reach") as show:
        for seconds in (1, 6, 7, 12):
            clock.now = seconds
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
