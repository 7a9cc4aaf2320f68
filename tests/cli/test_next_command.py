"""The command that usually follows is printed on a terminal only, with the user's values."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scoring.cli.next_command import format_next, print_next


def test_options_with_defaults_are_omitted() -> None:
    options = {
        "db": ("my market.db", "data/market.db"),
        "profiles": (Path("data/profiles"), Path("data/profiles")),
        "component": ([Path("a.py"), Path("b.py")], None),
        "as_of": (None, None),
    }
    command = format_next("compare", "standard", "found", options=options)
    assert command == "scoring compare standard found --db 'my market.db' --component a.py --component b.py"


def test_next_command_is_printed_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    print_next("models", db=("a.db", "b.db"))
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_next("models", db=("a.db", "b.db"))
    assert capsys.readouterr().out == "\nNext: scoring models --db a.db\n"
