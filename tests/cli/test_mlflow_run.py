"""Names and values of `--mlflow`."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from scoring.cli.mlflow_run import MetricValue, MlflowStore, list_metrics
from scoring.errors import ConfigurationError, OutputError
from tests.cli.command import requires_mlflow
from tests.support.errors import raises_at

pytestmark = requires_mlflow


def test_metric_names_are_valid_and_distinct() -> None:
    """Models whose names differ only in characters that MLflow rejects have metrics of their own."""
    models = ["fit@1", "fit_1", "models/基準.yaml", "m" * 300]
    frame = pd.DataFrame(
        {"model": models, "measure": "NDCG@10", "mean": 0.5, "difference": [float("nan"), 0.1, 0.2, 0]}
    )
    metrics = list_metrics(frame, "test")
    for metric in metrics:
        assert re.fullmatch(r"[/\w.-]{1,250}", metric.name)
    assert len({metric.name for metric in metrics}) == len(metrics) == 7
    assert metrics[:3] == [
        MetricValue("test/NDCG_10.fit_1.mean", 0.5),
        MetricValue("test/NDCG_10.fit_1_2.mean", 0.5),
        MetricValue("test/NDCG_10.fit_1_2.difference", 0.1),
    ]


@pytest.mark.parametrize("option", ["ftp://host/runs", "http:///runs", "http://host:port", "file:///tmp/runs"])
def test_invalid_uris_are_rejected(option: str) -> None:
    with raises_at(ConfigurationError, "--mlflow"):
        MlflowStore.parse(option)


def test_folders_of_run_files_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "0").mkdir()
    (tmp_path / "0/meta.yaml").write_text("name: Default\n")
    with raises_at(ConfigurationError, "--mlflow"):
        MlflowStore.parse(str(tmp_path))


def test_a_file_instead_of_a_folder_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(OutputError):
        MlflowStore.parse(str(tmp_path / "runs"))


def test_passwords_are_masked() -> None:
    store = MlflowStore.parse("https://taro:s3cret@host/path")
    assert store is not None
    assert "s3cret" not in store.label
    assert "s3cret" in store.uri
    assert store._explain(OSError("https://taro:s3cret@host/path failed.\nmore")) == "https://taro:***@host/path failed"
