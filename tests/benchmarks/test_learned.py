"""The section of trained models at a tiny size: all models are ranked and compared with the scores of all pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import learned_models
from benchmarks.engine_calls import scorer
from benchmarks.sections import learned
from benchmarks.workspace import Size, Workspace
from scoring import Dataset, Prepared, Statistics, load_model, make_market
from scoring.profiling.compared_method_lists import ResultsDifferError
from scoring.ranking import Ranking, Scorer
from tests.support.errors import raises_with

N_USERS, N_JOBS = 24, 300


class Ready(Workspace):
    """A workspace whose market is made already."""

    def statistics(self, size: Size) -> Statistics:
        market = make_market(size.users, size.jobs, 2_000, seed=3)
        return Statistics(Dataset(market.tables), factor_cache=self.factors)


def test_all_models_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned_models, "_N_ROWS", 500)
    section = learned.measure(Size(N_USERS, N_JOBS, quick=True), Ready(tmp_path))
    assert [row[1].partition(":")[0] for row in section.tables[0].rows] == ["job", "tables", "pairs", "pairs", "pairs"]
    assert all(figure.value is not None and figure.bar is not None for figure in section.figures)
    assert len(section.figures) == 1 + 2 + 3 * 2 + 5


def test_another_list_stops_the_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = scorer(Prepared.of(Ready(tmp_path).statistics(Size(N_USERS, N_JOBS)), load_model("standard")).plan)
    rows = np.arange(N_USERS)
    assert learned._check_lists("right lists", used, rows) > 0
    rank = Scorer.top_k

    def rank_wrongly(self: Scorer, k: int, users: np.ndarray) -> Ranking:
        ranking = rank(self, k, users)
        return replace(ranking, job_id=ranking.job_id[:, ::-1])

    monkeypatch.setattr(Scorer, "top_k", rank_wrongly)
    with raises_with(ResultsDifferError):
        learned._check_lists("wrong lists", used, rows)
