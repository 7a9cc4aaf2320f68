"""At a tiny size every peer gives our lists, and a wrong answer stops the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.engine_calls import CPUS, K, require_equal, scorer
from benchmarks.peers import FULL, INNER, FullPeer, InnerPeer
from benchmarks.peers.sorted_scores import SortedScores
from benchmarks.peers.vectors import Vectors, prepare_linear
from benchmarks.sections import peers
from benchmarks.sections.peers import InnerJob, keep_only_factors, require_close
from benchmarks.workspace import Size, Workspace
from scoring import Dataset, Prepared, Statistics, load_model, make_market
from scoring.profiling.compared_method_inputs import PeerInputs
from scoring.profiling.compared_method_lists import JobList, ResultsDifferError, require_equal_lists
from scoring.ranking import Ranking
from tests.support.errors import raises_with

N_USERS = 48
FEW_USERS = 8
"""Where nothing depends on how long a peer's work takes."""


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return Dataset(make_market(N_USERS, 300, 4_000, seed=3).tables)


@pytest.fixture(scope="module")
def factors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("factors")


@pytest.fixture(scope="module")
def prepared(dataset: Dataset, factors: Path) -> Prepared:
    return Prepared.of(Statistics(dataset, factor_cache=factors), load_model("standard"))


@pytest.fixture(scope="module")
def engine_lists(prepared: Prepared) -> Ranking:
    return scorer(prepared.plan).top_k(K)


@pytest.fixture(scope="module")
def peer_inputs(prepared: Prepared) -> PeerInputs:
    return PeerInputs.of(prepared, np.arange(N_USERS))


class Ready(Workspace):
    """A workspace whose market is made already."""

    def statistics(self, size: Size) -> Statistics:
        return Statistics(Dataset(make_market(size.users, size.jobs, 4_000, seed=3).tables), factor_cache=self.factors)


@pytest.mark.parametrize("k", [7, 300])
def test_sorted_scores_equal_lists(prepared: Prepared, k: int) -> None:
    rows = np.arange(1, N_USERS)
    require_equal(SortedScores(prepared.plan, CPUS).top_k(k, rows), scorer(prepared.plan).top_k(k, rows), "the lists")


def test_missing_peer_is_reported(factors: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.peer.installed_version", lambda package: None)
    section = peers.measure(Size(FEW_USERS, 300, quick=True), Ready(factors))
    gone = [peer.name for peer in (*FULL, *INNER) if peer.package]
    assert section.details["not_installed"] == gone
    assert [figure.verdict for figure in section.figures if figure.note == "not installed"] == ["not measured"] * 4
    assert {one["name"] for one in section.details["peers"]} == {peer.name for peer in (*FULL, *INNER)} - set(gone)
    assert all(len(row) == len(section.tables[0].columns) for row in section.tables[0].rows)


def test_market_uses_all_computed_terms(peer_inputs: PeerInputs) -> None:
    """Otherwise equal lists would prove little."""
    users, jobs = peer_inputs.users, peer_inputs.jobs
    for some in (users.applied, users.has_vector, jobs.has_vector, np.isnan(users.floor), np.isnan(jobs.hourly)):
        assert some.any()
        assert not some.all()
    assert set(users.style) == {0, 1, 2}
    assert np.isin(users.place[users.place >= 0], jobs.place).any()
    assert (users.clicked_features > 0).any()
    assert any(len(jobs) for jobs in users.excluded)


@pytest.mark.parametrize("peer", FULL, ids=lambda peer: peer.name)
def test_the_full_score(peer: type[FullPeer], peer_inputs: PeerInputs, engine_lists: Ranking) -> None:
    if not peer.is_available():
        pytest.skip(f"{peer.package} is not installed")
    lists = peer(peer_inputs, CPUS).rank(np.arange(N_USERS), K)
    require_equal_lists(peer.name, lists, engine_lists)
    wrong = JobList(lists[0].job_id[::-1], lists[0].total)
    with raises_with(ResultsDifferError, method=peer.name, user_id=int(engine_lists.user_id[0])):
        require_equal_lists(peer.name, [wrong, *lists[1:]], engine_lists)


@pytest.mark.parametrize("alone", [False, True], ids=["inner products", "factors alone"])
@pytest.mark.parametrize("peer", INNER, ids=lambda peer: peer.name)
def test_inner_products(peer: type[InnerPeer], alone: bool, dataset: Dataset, factors: Path) -> None:
    if not peer.is_available():
        pytest.skip(f"{peer.package} is not installed")
    model = load_model("standard")
    prepared = prepare_linear(dataset, keep_only_factors(model) if alone else model, factors)
    vectors = Vectors.of(PeerInputs.of(prepared, np.arange(N_USERS)))
    job = InnerJob("inner products", prepared, vectors, scorer(prepared.plan).top_k(K), 0.0)
    items, products = peer(vectors, CPUS).rank(np.arange(N_USERS), K)
    assert require_close(job, items, products) < 1e-3
    unlike = items.copy()
    unlike[0, -1] = np.setdiff1d(np.arange(len(vectors.items)), items[0])[0]
    with pytest.raises(ResultsDifferError):
        require_close(job, unlike, products)
