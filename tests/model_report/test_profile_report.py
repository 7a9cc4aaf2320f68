"""The report on a profile from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, ModelError, OutputError
from scoring.evaluation import Comparison
from scoring.model_catalog import load_model
from scoring.model_report import write_profile_report
from scoring.ranking import Prepared
from scoring.registry import Registry
from scoring.synthetic import make_market
from tests.support.errors import raises_at


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset(make_market(40, 200, 2_000, seed=1).tables)


def test_report_compares_the_lists_with_the_parent(tmp_path: Path, data: Dataset) -> None:
    registry, standard = Registry(tmp_path / "profiles"), load_model("standard")
    other = standard.with_weights({"location": 1, "wage": 1})
    registry.save("found", other, parent="standard")
    size = write_profile_report(tmp_path / "report.html", registry, "found", data, k=5)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert size == len(page.encode())
    ready = Prepared.of(data, standard)
    kept = Comparison.of(ready, ready.with_model(other), 5).mean_overlap
    assert 0 < kept < 1
    assert f"{kept:.0%}" in page
    again = tmp_path / "again.html"
    write_profile_report(str(again), registry, "found@1", data, k=5)
    assert again.read_text("utf-8") == page


def test_invalid_reports_are_rejected_before_ranking(tmp_path: Path, data: Dataset) -> None:
    registry = Registry(tmp_path / "profiles")
    with pytest.raises((ModelError, ConfigurationError)):
        write_profile_report(tmp_path / "report.html", registry, "nothing", data)
    registry.save("found", load_model("standard").with_weights({"wage": 1}))
    (tmp_path / "taken.html").write_text("a page of the user")
    with pytest.raises(OutputError):
        write_profile_report(tmp_path / "taken.html", registry, "found", data)
    assert (tmp_path / "taken.html").read_text() == "a page of the user"
    with raises_at(ConfigurationError, "k"):
        write_profile_report(tmp_path / "report.html", registry, "found", data, k=0)
    assert not (tmp_path / "report.html").exists()
