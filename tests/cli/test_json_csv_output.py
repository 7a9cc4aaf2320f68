"""Rows as JSON and CSV, with the same keys for each command."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from scoring import load_model
from scoring.cli.json_csv_output import print_records
from scoring.model_catalog import list_preset_names
from tests.cli.command import Call, error_line

LONG_NOTE = "a note that is longer than the sixty characters that the table shows"
FRAME = pd.DataFrame(
    {
        "name": ["東京", "a,b"],
        "n": pd.array([3, None], dtype="Int64"),
        "value": [np.float64(0.5), np.nan],
        "at": pd.to_datetime(["2025-06-30T12:00:00Z", None]),
        "facts": [{"fee": 1}, {}],
    }
)


def test_json_has_null_for_missing_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_records(FRAME, json=True, csv=False)
    assert json.loads(capsys.readouterr().out) == [
        {"name": "東京", "n": 3, "value": 0.5, "at": "2025-06-30T12:00:00+00:00", "facts": {"fee": 1}},
        {"name": "a,b", "n": None, "value": None, "at": None, "facts": {}},
    ]


def test_csv_has_a_header_and_empty_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_records(FRAME, json=False, csv=True)
    found = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert found["name"].tolist() == ["東京", "a,b"]
    assert found["n"].isna().tolist() == [False, True]
    assert json.loads(found["facts"][0]) == {"fee": 1}


def test_nothing_is_printed_without_a_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert not print_records(FRAME, json=False, csv=False)
    assert capsys.readouterr().out == ""


def test_models_are_printed_as_records(scoring: Call) -> None:
    rows = json.loads(scoring("models", "--json").stdout)
    assert list(rows[0]) == ["model", "group", "component", "kind", "weight", "parameters", "rules"]
    assert {row["model"] for row in rows} == set(list_preset_names())
    weights = [row["weight"] for row in rows if row["model"] == "standard"]
    assert weights == load_model("standard").flat_weights.tolist()
    assert len(scoring("models", "--csv").stdout.splitlines()) == len(rows) + 1
    assert "exclude each other" in error_line(scoring("models", "--csv", "--json"), 2)


def test_profiles_are_printed_as_records(scoring: Call) -> None:
    assert json.loads(scoring("profiles", "list", "--json").stdout) == []
    scoring("profiles", "save", "night", "--note", LONG_NOTE)
    (row,) = json.loads(scoring("profiles", "list", "--json").stdout)
    assert (row["name"], row["version"], row["in_use"]) == ("night", 1, False)
    assert row["note"] == LONG_NOTE


def test_explanations_are_printed_as_records(scoring: Call, market: object) -> None:
    done = scoring("explain", 1, 2, "--db", market, "--json")
    rows = json.loads(done.stdout)
    assert list(rows[0]) == [
        "user_id", "job_id", "model", "ranked", "group", "component", "value", "weight", "points", "facts",
    ]  # fmt: skip
    assert [row["component"] for row in rows] == [part.name for part in load_model("standard").parts]
    both = scoring("explain", 1, 2, "--db", market, "--json", "--csv")
    assert "exclude each other" in error_line(both, 2)
    assert "loading" not in both.stderr
