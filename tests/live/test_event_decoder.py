"""Tests of `scoring.live.event_decoder`: rows decoded one by one equal rows decoded with frames."""

from __future__ import annotations

import json
import random
from typing import Any

import pandas as pd
import pytest

from scoring.columns.board_definition import OWN_TYPES, Board, make_own_column
from scoring.columns.types import CODE, FLAG, INTEGER, INTEGER_LIST, NUMBER, TIME
from scoring.database.writers import to_stored_columns
from scoring.live.event_decoder import EventDecoder

VALUES: dict[Any, list[Any]] = {
    NUMBER: [1, 0.5, -3.25, 1e13, "12", "x"],
    INTEGER: [1, 2**60, 1.5, "7"],
    TIME: [
        1_748_736_000_000_000,
        -(2**60),
        5,
        1.5,
        "2025-06-01T00:00:00Z",
        "2025-06-01 12:00:00.250+09:00",
        "2025-13-01",
    ],
    FLAG: [True, False, 0, 1, 2, "yes"],
    INTEGER_LIST: ["1|2", "", "x", "1202", [1, 2]],
    CODE: ["13", "1", "01101", "1101", "A-1", 13, " 2 "],
}
TEXTS = ["a", " b ", "two\nlines", "", "居酒屋", "Ａ１", "hourly", "lead", "b|a", "x\0", 5, "view"]


def make_board() -> Board:
    board = Board()
    for table in ("jobs", "users", "actions"):
        board = board.with_columns(table, [make_own_column(table, f"own_{word}", word) for word in OWN_TYPES])
    return board


def make_rows(board: Board, table: str, seed: int, n: int) -> list[dict[str, Any]]:
    """Return rows of usual and unusual values; most of them have few values."""
    generator = random.Random(f"{table}-{seed}")
    rows = []
    for place in range(n):
        row: dict[str, Any] = {}
        for column in board.table(table).columns:
            if column.required or generator.random() < 0.15:
                usual = {"action": "view", "occurred_at": 5}.get(column.name, place + 1)
                other = generator.choice(VALUES.get(column.type, TEXTS))
                row[column.name] = usual if column.required else other
        rows.append(row)
    return rows


@pytest.mark.parametrize("n", [80, pytest.param(2000, marks=pytest.mark.long)])
@pytest.mark.parametrize("table", ["jobs", "users", "actions"])
def test_single_rows_equal_rows_of_frames(table: str, n: int) -> None:
    decoder = EventDecoder(make_board(), 2, 5)
    rows = make_rows(decoder.board, table, 1, n)
    found = decoder.decode(table, [json.dumps(row) for row in rows])
    wanted = [decoder._decode_stored(table, [row])[0] for row in rows]
    assert found == wanted
    n_single = sum(decoder._decode_canonical(table, row) is not None for row in rows)
    assert n / 20 < n_single < n * 19 / 20


@pytest.mark.parametrize("table", ["jobs", "users", "actions"])
def test_written_rows_equal_those_of_frames(table: str) -> None:
    decoder = EventDecoder(make_board(), 2, 5)
    n_single = 0
    for row in make_rows(decoder.board, table, 2, 300):
        row = {**row, "occurred_at": "2025-06-01T00:00:00Z"} if table == "actions" else row
        stored = decoder.encode_canonical(table, row)
        if stored is None:
            continue
        n_single += 1
        frame = pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in row.items()})
        normal = decoder.normalise(table, frame, {})
        assert not len(normal.rejections)
        columns = to_stored_columns(table, normal.frame, decoder.board)
        assert stored == {name: None if value != value else value for name, (value,) in columns.items()}
    assert n_single > 10


def test_bodies_without_rows_have_a_reason() -> None:
    decoder = EventDecoder(Board())
    bodies = [
        "",
        "nonsense",
        "[1]",
        "5",
        "null",
        "[" * 5000 + "]" * 5000,
        '{"job_id": 1}',
        '[{"job_id": 2}, {"fee": 1}]',
    ]
    found = decoder.decode("jobs", bodies)
    assert [row.row is None for row in found] == [True] * 6 + [False] * 2
    assert found[-1].row is not None
    assert (found[-1].row["job_id"], found[-1].row["fee"]) == (2, 1.0)


def test_row_with_a_text_as_id_depends_on_the_tables() -> None:
    (found,) = EventDecoder(Board()).decode("users", ['{"user_id": "A-1"}'])
    assert found.row is None
    assert found.depends_on_tables
