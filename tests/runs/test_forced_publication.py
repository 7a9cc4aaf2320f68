"""Publish a held-back run later, without loading its data."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from scoring.database.database import Database
from scoring.errors import ConfigurationError, OutputError
from scoring.model import WeightProfile
from scoring.ranking import Prepared
from scoring.runs import runner, shards
from scoring.runs.forced_publication import publish_held_back
from scoring.runs.gate import Gate, GateFailedError, GateLimits
from scoring.runs.history import list_runs, verify_run
from scoring.runs.publishers import (
    list_published_runs,
    read_manifest,
    read_results,
)
from scoring.runs.run_reader import read_run
from scoring.telemetry import fault_injection
from tests.support.errors import raises_at, raises_with
from tests.support.small_runs import Stopped, make_publishers

NONE_MOVE = Gate(GateLimits(jobs_kept=1.0))
"""A gate whose limits any change exceeds."""


@pytest.fixture(scope="module")
def other(prepared: Prepared) -> Prepared:
    """Return the same data with other weights."""
    components = {group: dict(inner) for group, inner in prepared.model.weights.components.items()}
    return prepared.with_model(
        prepared.model.with_weights(WeightProfile({"base": 0.2, "match": 0.5, "personal": 0.3}, components))
    )


@pytest.fixture
def held_back(
    prepared: Prepared, other: Prepared, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 100)
    out = tmp_path / "runs"
    runner.run(prepared, k=5, publishers=make_publishers(out, database))
    with pytest.raises(GateFailedError) as caught:
        runner.run(other, k=5, publishers=make_publishers(out, database), gate=NONE_MOVE)
    return caught.value.verdict.new.run_id


def check(out: Path, database: Database, held_back: str, other: Prepared) -> None:
    assert os.readlink(out / "latest") == held_back
    lists = other.top_k(5).frame().sort_values(["user_id", "rank"], ignore_index=True)
    pd.testing.assert_frame_equal(read_run(out / "latest"), lists)
    pd.testing.assert_frame_equal(read_results(database), lists)
    manifest = read_manifest(out / "latest")
    assert (manifest["gate"]["outcome"], manifest["gate"]["reason"]) == ("forced", "checked by hand")
    assert verify_run(out / "latest") == []
    assert list_runs(out, database).loc[0, ["run_id", "status"]].tolist() == [held_back, "in use"]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [*(p.name for p in list_published_runs(out)), "latest"]
    )


def test_held_back_run_is_published_unchanged(
    held_back: str, other: Prepared, database: Database, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    found = publish_held_back(held_back, out, make_publishers(out, database), "checked by hand")
    assert [place.kind for place in found] == ["database", "Parquet"]
    check(out, database, held_back, other)
    again = runner.run(other, k=5, publishers=make_publishers(out, database), resume=True, gate=NONE_MOVE)
    assert again.was_published  # the run of this data and model is already published


@pytest.mark.parametrize("point", ["verdict committed", "verdict noted", "database published", "folder published"])
def test_repeated_call_finishes_after_a_kill(
    held_back: str, other: Prepared, database: Database, tmp_path: Path, point: str
) -> None:
    out = tmp_path / "runs"
    with fault_injection.arm(point, 1, Stopped()), pytest.raises(Stopped):
        publish_held_back(held_back, out, make_publishers(out, database), "checked by hand")
    publish_held_back(held_back, out, make_publishers(out, database), "checked by hand")
    check(out, database, held_back, other)


def test_damaged_or_other_run_is_not_published(
    held_back: str, prepared: Prepared, database: Database, tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    used = os.readlink(out / "latest")
    for run_id, reason, key in (
        (held_back, " ", "--force"),
        (used, "why not", "run_id"),
    ):
        path = str(out) if key == "run_id" else None
        with raises_at(ConfigurationError, key, path=path):
            publish_held_back(run_id, out, make_publishers(out, database), reason)
    part = next(next(out.glob(".*.writing")).glob("*.parquet"))
    content = part.read_bytes()
    part.write_bytes(content[:-1])
    with raises_with(OutputError, reason="damaged"):
        publish_held_back(held_back, out, make_publishers(out, database), "checked by hand")
    assert os.readlink(out / "latest") == used
    runner.run(prepared, k=5, publishers=make_publishers(out, database))
    with raises_at(ConfigurationError, "run_id"):
        publish_held_back(held_back, out, make_publishers(out, database), "checked by hand")
