"""Live lists with trained models equal the oracle after every event and every tick."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scoring.columns.dataset_frames import Tables
from scoring.components.learned import Learned
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.learning.input_catalogue import INPUTS
from scoring.live import LiveLists
from scoring.live.row_check import require_row_component
from scoring.model import GROUPS, Inputs, Part, ScoringModel
from scoring.model_catalog import load_model
from scoring.statistics import Statistics
from tests.support.learned_models import JOB_INPUTS, PAIR_INPUTS, USER_INPUTS, write_network, write_trees
from tests.support.live_sequences import LiveSequence, basis_of, market_of, tables_of
from tests.support.proof_counts import record_count
from tests.support.random_markets import CLOCK

pytestmark = pytest.mark.integration

JOBS = (*JOB_INPUTS, "job.employment_type", "job.company_rate", "job.wage_ratio", "job.major", "job.views_30d")
USERS = (*USER_INPUTS, "user.work_style", "user.days_since_action", "user.clicks_30d")
PAIRS = (
    *PAIR_INPUTS, "pair.applied_similarity", "pair.click_company_share", "pair.view_city_share", "pair.company_actions",
    "pair.days_since_view",
)  # fmt: skip
ALL_PAIRS = tuple(name for name, known in INPUTS.items() if known.side == "pair")
SHAPES = {
    "job": JOBS,
    "user": USERS,
    "tables": (*JOBS, *USERS),
    "pairs": (*JOBS, *USERS, *PAIRS),
    "all pairs": (*USERS, *ALL_PAIRS),
}

ChangeModel = Callable[[ScoringModel, Tables], ScoringModel]


def inputs_of(tables: Tables) -> Inputs:
    return Inputs.of(Dataset(tables, as_of=CLOCK, set_back=False))


def add_trained(folder: Path, shape: str, seed: int, suffix: str = ".txt") -> ChangeModel:
    """Return a function that adds a trained model of this shape, with a random weight, link and size."""

    def change(model: ScoringModel, tables: Tables) -> ScoringModel:
        inputs, link = inputs_of(tables), ("affine", "sigmoid")[seed % 2]
        if suffix == ".txt":
            leaves = (4, 31, 40)[seed % 3]
            component = write_trees(
                folder, inputs, SHAPES[shape], link=link, seed=seed, num_iterations=6, num_leaves=leaves
            )
        else:
            component = write_network(folder, inputs, SHAPES[shape], suffix=suffix, link=link, seed=seed)
        return model.with_component(component, GROUPS[seed % 3], (0.1, 0.3, 0.9)[seed // 3 % 3], "learned")

    return change


def run_sequences(folder: Path, shape: str, suffix: str, seeds: range, n_events: int) -> None:
    n_sent = n_ticks = 0
    for seed in seeds:
        sequence = LiveSequence(seed, change_model=add_trained(folder, shape, seed, suffix))
        sequence.run(n_events)
        n_sent += sequence.n_events
        n_ticks += sequence.cases["tick"]
    record_count("live lists", "{} events and {} ticks in {} random sequences", n_sent, n_ticks, len(seeds))


@pytest.mark.parametrize("shape", SHAPES)
def test_lists_with_trees_equal_oracle(tmp_path: Path, shape: str) -> None:
    run_sequences(tmp_path, shape, ".txt", range(1, 5), 8)


@pytest.mark.long
@pytest.mark.parametrize("seeds", [range(first, first + 10) for first in range(100, 200, 10)], ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_lists_with_trees_equal_oracle_in_long_sequences(tmp_path: Path, shape: str, seeds: range) -> None:
    run_sequences(tmp_path, shape, ".txt", seeds, 30)


@pytest.mark.parametrize(("shape", "suffix"), [("job", ".onnx"), ("user", ".tflite"), ("pairs", ".onnx")])
def test_lists_with_networks_equal_oracle(tmp_path: Path, shape: str, suffix: str) -> None:
    run_sequences(tmp_path, shape, suffix, range(4, 6), 8)


@pytest.mark.long
@pytest.mark.parametrize("seeds", [range(first, first + 10) for first in range(200, 300, 10)], ids=str)
@pytest.mark.parametrize(("shape", "suffix"), [("pairs", ".onnx"), ("pairs", ".tflite"), ("all pairs", ".onnx")])
def test_lists_with_networks_equal_oracle_in_long_sequences(
    tmp_path: Path, shape: str, suffix: str, seeds: range
) -> None:
    run_sequences(tmp_path, shape, suffix, seeds, 30)


@pytest.mark.parametrize("shape", ["job", "tables", "pairs"])
def test_events_of_known_values_build_nothing(tmp_path: Path, shape: str) -> None:
    """The terms of a changed row are computed for this row alone."""
    sequence = LiveSequence(1, change_model=add_trained(tmp_path, shape, 1))
    n_builds = sequence.lists.n_rebuilds
    for row in list(sequence.maker.jobs.values())[:5]:
        sequence.send([sequence.maker.close_job(row["job_id"])])
    assert sequence.lists.n_rebuilds == n_builds


def test_inputs_read_rows_and_basis_only(tmp_path: Path) -> None:
    """Each input has the same value for a pair alone as among all rows, with the same basis."""
    tables = tables_of(market_of(3))
    part = Part("learned", "base", write_trees(tmp_path, inputs_of(tables), [*INPUTS], num_iterations=20))
    model = load_model("standard").with_component(part.component, "base", 0.1)
    basis = basis_of(tables, model=model)
    assert isinstance(part.component, Learned)
    assert set(basis.job_popularity) == {None, 30}
    require_row_component(part, Dataset(tables, as_of=CLOCK, set_back=False), basis)


def test_basis_without_counts_of_jobs_is_rejected(tmp_path: Path) -> None:
    tables = tables_of(market_of(0))
    model = load_model("standard").with_component(write_trees(tmp_path, inputs_of(tables), ["job.clicks"]), "base", 0.1)
    basis = Statistics(Dataset(tables, as_of=CLOCK, set_back=False)).basis.materialize([360.0])
    with pytest.raises(ConfigurationError) as raised:
        LiveLists(tables, model, basis)
    assert raised.value.key == ("days",)
