"""Settings of a board: presets, and words for money and regions."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from scoring.columns.board_definition import DEFAULT_BOARD, Board
from scoring.errors import ConfigurationError
from tests.support.errors import raises_at

SWISS = {"preset": "none", "currency": "CHF", "region": "canton"}


def test_preset_implies_words() -> None:
    board = Board.of_preset("none")
    assert (board.currency, board.region, board.regions) == ("", "region", "regions")
    assert (board.label_amount("fee"), board.wage_label, board.format_amount(1200)) == ("fee", "pay per hour", "1,200")
    assert DEFAULT_BOARD.wage_label == "yen per hour"
    swiss = DEFAULT_BOARD.with_settings(SWISS)
    assert (swiss.label_amount("fee"), swiss.regions) == ("fee in CHF", "cantons")
    assert DEFAULT_BOARD.with_settings({"region": "county"}).regions == "counties"


@pytest.mark.parametrize("settings", [{}, {"preset": "none"}, SWISS, {"currency": "", "region": "state"}])
def test_settings_restore_a_board(settings: dict[str, str]) -> None:
    board = DEFAULT_BOARD.with_settings(settings)
    assert board.settings == settings
    assert DEFAULT_BOARD.with_settings(board.settings) == board
    assert pickle.loads(pickle.dumps(board)) == board  # noqa: S301 - our own bytes


def test_words_stay_without_another_preset() -> None:
    swiss = DEFAULT_BOARD.with_settings(SWISS)
    assert swiss.with_settings({"preset": "none", "region": "Kanton"}).currency == "CHF"
    assert swiss.with_settings({"preset": "japan"}) == DEFAULT_BOARD


@pytest.mark.parametrize(
    ("name", "value"),
    [("curency", "CHF"), ("currency", 3), ("currency", "x" * 31), ("currency", " CHF"), ("currency", "a\nb"),
     ("region", ""), ("preset", "swiss"), ("preset", None)],
)  # fmt: skip
def test_invalid_settings_are_refused(name: str, value: Any) -> None:
    with raises_at(ConfigurationError, "board", name):
        DEFAULT_BOARD.with_settings({name: value})


def test_settings_must_be_a_mapping() -> None:
    with raises_at(ConfigurationError, "board"):
        DEFAULT_BOARD.with_settings("CHF")  # type: ignore[arg-type]
