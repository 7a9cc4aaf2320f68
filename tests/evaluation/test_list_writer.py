"""Metrics of written files, computed by ir-measures, equal the metrics of the lists."""

from __future__ import annotations

import json
import math
from pathlib import Path

import ir_measures
import numpy as np
import pytest

from scoring.bundle.ranked_lists import Ranking
from scoring.errors import ConfigurationError, OutputError
from scoring.evaluation.list_writer import write_lists, write_trec_qrels
from scoring.evaluation.metrics import MAP, MRR, NDCG, HitRate, Metric, Precision, Recall
from scoring.evaluation.relevance_judgements import Relevance, rank_relevance
from tests.support.errors import raises_at
from tests.support.proof_counts import record_count
from tests.support.ranking_builder import ranking_of

K = 12
MEASURES: dict[Metric, ir_measures.Measure] = {
    NDCG(5): ir_measures.nDCG @ 5,
    NDCG(K): ir_measures.nDCG @ K,
    Recall(K): ir_measures.R @ K,
    Precision(5): ir_measures.P @ 5,
    MRR(K): ir_measures.RR @ K,
    MAP(K): ir_measures.AP @ K,
    HitRate(3): ir_measures.Success @ 3,
}
"""Metric → the measure of ir-measures."""


def random_case(seed: int) -> tuple[Ranking, Relevance]:
    """Return lists with equal scores and empty lists, and relevance with fractions as gains."""
    rng = np.random.default_rng(seed)
    ids = rng.choice(10**6, 60, replace=False) - 1000
    lists = [rng.permutation(ids)[: rng.integers(0, K + 1)].tolist() for _ in range(12)]
    ranking = ranking_of(lists, user_id=list(range(-3, 9)), room=K)
    ranking.scores[:, :, 0] = -np.sort(-rng.integers(-4, 5, (12, K)) / rng.choice([1, 3, 1e6]), axis=1)
    pairs = [(user, job) for user in range(-3, 9) if user != 4 for job in rng.permutation(ids)[: rng.integers(1, 20)]]
    gains = rng.choice([0.1, 0.25, 1, 3], len(pairs))
    return ranking, Relevance.of([user for user, _ in pairs], [int(job) for _, job in pairs], gains)


def assert_equal_to_ir_measures(seed: int, folder: Path) -> None:
    ranking, relevance = random_case(seed)
    write_lists(folder, {"a system": ranking}, relevance)
    relevant = rank_relevance(ranking, relevance, K)
    found = {
        (int(metric.query_id), metric.measure): metric.value
        for metric in ir_measures.iter_calc(
            list(MEASURES.values()),
            list(ir_measures.read_trec_qrels(str(folder / "qrels.txt"))),
            list(ir_measures.read_trec_run(str(folder / "a_system.run"))),
        )
    }
    for metric, measure in MEASURES.items():
        for user, value in zip(ranking.user_id.tolist(), metric.of(relevant), strict=True):
            if math.isnan(value):
                assert (user, measure) not in found
                continue
            assert value == pytest.approx(found.get((user, measure), 0.0), abs=1e-9), (metric, user)
            record_count("metrics", "{} values", 1)


@pytest.mark.parametrize("seed", range(10))
def test_metrics_equal_ir_measures(seed: int, tmp_path: Path) -> None:
    assert_equal_to_ir_measures(seed, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 100))
def test_metrics_equal_ir_measures_on_more_lists(seed: int, tmp_path: Path) -> None:
    assert_equal_to_ir_measures(seed, tmp_path)


def test_ranx_files_equal_trec_files(tmp_path: Path) -> None:
    ranking, relevance = random_case(1)
    write_lists(tmp_path, {"a": ranking}, relevance)
    run = json.loads((tmp_path / "a.json").read_text())
    qrels = json.loads((tmp_path / "qrels.json").read_text())
    lines = [line.split() for line in (tmp_path / "a.run").read_text().splitlines()]
    assert [(user, job, score) for user, _, job, _, score, _ in lines] == [
        (user, job, str(np.float32(score))) for user, entries in run.items() for job, score in entries.items()
    ]
    assert [int(line[3]) for line in lines] == [place + 1 for entries in run.values() for place in range(len(entries))]
    wanted = [line.split() for line in (tmp_path / "qrels.txt").read_text().splitlines()]
    assert {(user, job): int(gain) for user, _, job, gain in wanted} == {
        (user, job): gain for user, entries in qrels.items() for job, gain in entries.items()
    }
    assert {gain for entries in qrels.values() for gain in entries.values()} == {2, 5, 20, 60}


def test_names_of_systems_become_distinct_file_names(tmp_path: Path) -> None:
    ranking, relevance = random_case(2)
    paths = write_lists(tmp_path, {"qrels": ranking, "a b": ranking, "models/A_b": ranking}, relevance)
    assert {path.name for path in paths} == {path.name for path in tmp_path.iterdir()}
    assert len(paths) == 2 + 3 * 2


def test_gains_without_a_common_factor_raise(tmp_path: Path) -> None:
    with raises_at(ConfigurationError, "gains"):
        write_trec_qrels(tmp_path / "qrels.txt", Relevance.of([1, 2], [1, 2], [1.0, math.pi]))


def test_file_in_place_of_the_folder_raises(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_lists(tmp_path / "file", {}, Relevance.of([1], [1]))
