"""Live lists with trained models equal the oracle after every event and every tick."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scoring.columns.dataset_frames import Tables
from scoring.components.learned import Learned, find_job_windows
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.learning.input_catalogue import INPUTS
from scoring.live import EventTables, LiveLists
from scoring.live.live_lists import make_next_basis
from scoring.live.row_check import require_row_component
from scoring.model import GROUPS, Inputs, Part, ScoringModel
from scoring.model_catalog import load_model
from scoring.statistics import Statistics
from tests.support.learned_models import JOB_INPUTS, PAIR_INPUTS, USER_INPUTS, write_network, write_trees
from tests.support.live_events import EventMaker
from tests.support.live_sequences import LiveSequence, assert_equal, basis_of, market_of, oracle, tables_of
from tests.support.proof_counts import record_count
from tests.support.random_markets import CLOCK, Row

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
    record_count("live learned", "{} events and {} ticks in {} random sequences", n_sent, n_ticks, len(seeds))


@pytest.mark.parametrize("shape", SHAPES)
def test_lists_with_trees_equal_oracle(tmp_path: Path, shape: str) -> None:
    run_sequences(tmp_path, shape, ".txt", range(1, 3), 8)


@pytest.mark.long
@pytest.mark.parametrize("seeds", [range(first, first + 10) for first in range(100, 200, 10)], ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_lists_with_trees_equal_oracle_in_long_sequences(tmp_path: Path, shape: str, seeds: range) -> None:
    run_sequences(tmp_path, shape, ".txt", seeds, 30)


@pytest.mark.parametrize(("shape", "suffix"), [("job", ".onnx"), ("user", ".tflite"), ("pairs", ".onnx")])
def test_lists_with_networks_equal_oracle(tmp_path: Path, shape: str, suffix: str) -> None:
    run_sequences(tmp_path, shape, suffix, range(4, 5), 8)


@pytest.mark.long
@pytest.mark.parametrize("seeds", [range(first, first + 10) for first in range(200, 300, 10)], ids=str)
@pytest.mark.parametrize(("shape", "suffix"), [("pairs", ".onnx"), ("pairs", ".tflite"), ("all pairs", ".onnx")])
def test_lists_with_networks_equal_oracle_in_long_sequences(
    tmp_path: Path, shape: str, suffix: str, seeds: range
) -> None:
    run_sequences(tmp_path, shape, suffix, seeds, 30)


def run_promotions(folder: Path, seed: int, n_events: int) -> None:
    """Promote a trained model of each shape, and in the end the model without one."""
    sequence = LiveSequence(seed)
    shipped, tables = sequence.lists.model, sequence.lists.tables.tables
    for shape in (*SHAPES, None):
        sequence.run(n_events)
        model = shipped if shape is None else add_trained(folder, shape, seed)(shipped, tables)
        before = sequence.lists
        dataset = before.tables.make_dataset(before.basis.clock)
        basis = make_next_basis(dataset, before.basis, (), find_job_windows(model))
        sequence.lists = LiveLists(before.tables, model, basis, k=before.k)
        sequence.compare()
    sequence.run(n_events)


def test_lists_equal_oracle_through_promotions(tmp_path: Path) -> None:
    run_promotions(tmp_path, 6, 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(300, 320))
def test_lists_equal_oracle_through_promotions_in_long_sequences(tmp_path: Path, seed: int) -> None:
    run_promotions(tmp_path, seed, 15)


# --- Own columns ------------------------------------------------------------------------------------------------------

OWN = {
    "jobs": {"grade": "category", "stars": "number", "vip": "flag", "size": "integer"},
    "users": {"segment": "category", "score": "number"},
}
DTYPES = {"category": object, "number": "float64", "flag": "boolean", "integer": "Int64"}


def draw_own_values(table: str, draw: random.Random) -> Row:
    """Return values of the own columns, of which some are missing and some categories are new."""
    choices: dict[str, list[Any]] = {
        "category": ["a", "b", None, f"new {draw.randrange(9)}"],
        "number": [None, 1.5, draw.random()],
        "flag": [True, False, None],
        "integer": [None, 1, 7],
    }
    return {name: draw.choice(choices[word]) for name, word in OWN[table].items()}


def add_own_columns(frame: pd.DataFrame, table: str, draw: random.Random) -> pd.DataFrame:
    rows = [draw_own_values(table, draw) for _ in range(len(frame))]
    columns = {
        name: pd.array([row[name] for row in rows], dtype=DTYPES[word])  # type: ignore[call-overload]
        for name, word in OWN[table].items()
    }
    return frame.assign(**columns)


@pytest.mark.parametrize("shape", ["tables", "pairs"])
def test_own_columns_with_new_values_equal_oracle(tmp_path: Path, shape: str) -> None:
    market, draw = market_of(4), random.Random(0)
    frames = market.frames()
    data = Dataset.from_frames(
        jobs=add_own_columns(frames["jobs"], "jobs", draw),
        users=add_own_columns(frames["users"], "users", draw),
        actions=frames["actions"],
        own_columns=OWN,
        as_of=CLOCK,
    )
    of_side = {table: tuple(f"{table}.{name}" for name in OWN[table]) for table in OWN}
    names = {"job": of_side["jobs"], "user": of_side["users"]}.get(shape, (*of_side["jobs"], *of_side["users"]))
    component = write_trees(tmp_path, inputs_of(data.tables), (*names, *(("pair.place",) if shape == "pairs" else ())))
    assert component.shape.kind == shape
    model = load_model("standard").with_component(component, "base", 0.4)
    lists, source = LiveLists(data.tables, model, basis_of(data.tables), k=10), EventTables(data.tables)
    maker, n_changed = EventMaker(market, 4), 0
    for _ in range(10):
        event = maker.make()
        if event.body is not None and event.kind != "action":
            event = replace(event, body={**event.body, **draw_own_values(f"{event.kind}s", draw)})
        source.add(event)
        n_changed += lists.apply(event)
        assert_equal(lists.ranking(), oracle(source, lists))
    assert lists.n_rebuilds < n_changed / 2


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
