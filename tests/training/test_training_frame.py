"""Training frames: no leak from actions after the cut, eligible negatives, train users only, and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scoring.learning
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, DataError, UnknownIdError
from scoring.evaluation import Holdout, by_time, cold_start, last_n, split_users
from scoring.learning.input_catalogue import INPUTS, InputTables
from scoring.model import Eligibility, Inputs
from scoring.plan.rule_exclusions import Exclusions
from scoring.synthetic import make_market
from scoring.training import TrainingFrame, frame, select_model_users
from tests.support.proof_counts import record_count

NAMES = [name for name in INPUTS if name != "pair.factors"]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset(make_market(n_users=300, n_jobs=400, n_actions=12_000, seed=2).tables)


@pytest.fixture(scope="module")
def holdout(data: Dataset) -> Holdout:
    return by_time(data, days=30)


@pytest.fixture(scope="module")
def rows(holdout: Holdout) -> TrainingFrame:
    return frame(holdout, NAMES, negatives=10)


def change_later_actions(data: Dataset, cut: pd.Timestamp, users: np.ndarray, kinds: tuple[str, ...]) -> Dataset:
    """Return the data without the later actions of some users, and with all later views at other jobs."""
    actions = data.tables.actions.copy()
    later = actions["occurred_at"] > cut
    views = later & actions["action"].isin(kinds)
    actions.loc[views, "job_id"] = np.roll(actions.loc[views, "job_id"].to_numpy(), 7)
    dropped = later & ~actions["user_id"].isin(users)
    return Dataset(data.tables.with_tables(actions=actions[~dropped]), as_of=data.as_of)


def test_later_actions_change_nothing_but_labels(data: Dataset, holdout: Holdout, rows: TrainingFrame) -> None:
    """Later views and clicks, and all later actions of other users, are changed."""
    changed = change_later_actions(data, holdout.data.as_of, rows.users, ("view", "click"))
    assert changed.fingerprint != data.fingerprint
    found = frame(by_time(changed, days=30), NAMES, users=rows.users, negatives=10)
    assert found.digest == rows.digest
    record_count("training leaks", "{} inputs", len(NAMES))


def test_changed_labels_leave_inputs(data: Dataset, holdout: Holdout, rows: TrainingFrame) -> None:
    """Other later applications change labels and drawn jobs. A pair in both frames has the same inputs."""
    changed = change_later_actions(data, holdout.data.as_of, data.users.user_id, ("application",))
    found = frame(by_time(changed, days=30), NAMES, users=None, negatives=10)
    assert found.digest != rows.digest
    known = {pair: place for place, pair in enumerate(zip(rows.user_id.tolist(), rows.job_id.tolist(), strict=True))}
    both = [
        (place, known[pair])
        for place, pair in enumerate(zip(found.user_id.tolist(), found.job_id.tolist(), strict=True))
        if pair in known
    ]
    assert len(both) > 30
    left, right = np.array(both).T
    np.testing.assert_array_equal(found.rows[left], rows.rows[right])


def test_an_earlier_action_changes_inputs(data: Dataset, holdout: Holdout, rows: TrainingFrame) -> None:
    """The test above could not fail if inputs ignored actions."""
    actions = data.tables.actions
    kept = actions[actions["occurred_at"] > holdout.data.as_of - pd.Timedelta(days=20)]
    fewer = Dataset(data.tables.with_tables(actions=kept), as_of=data.as_of)
    assert frame(by_time(fewer, days=30), NAMES, users=rows.users, negatives=10).digest != rows.digest


def test_rows_are_inputs_of_the_known_data(holdout: Holdout, rows: TrainingFrame) -> None:
    inputs = Inputs.of(holdout.data)
    users, jobs = inputs.user_lookup.find_rows(rows.user_id), inputs.job_lookup.find_rows(rows.job_id)
    np.testing.assert_array_equal(rows.rows, InputTables(inputs, rows.specs).rows(users, jobs))


def test_users_are_train_users(holdout: Holdout, rows: TrainingFrame) -> None:
    split = split_users(holdout.user_id)
    assert set(rows.users) <= set(select_model_users(holdout.user_id))
    assert set(rows.users) < set(split.train)
    assert 0.3 < len(select_model_users(holdout.user_id)) / len(split.train) < 0.7
    assert not set(rows.users) & (set(split.validation) | set(split.test))
    assert rows.training.users == tuple(rows.users.tolist())


def test_all_rows_were_allowed_at_the_cut(holdout: Holdout, rows: TrainingFrame) -> None:
    inputs = Inputs.of(holdout.data)
    users, jobs = inputs.user_lookup.find_rows(rows.user_id), inputs.job_lookup.find_rows(rows.job_id)
    allowed = Exclusions.of(Eligibility(), inputs).matrix(np.arange(len(inputs.users)))
    assert allowed[users, jobs].all()
    assert holdout.data.open_jobs[jobs].all()


def test_labels_are_the_relevance(holdout: Holdout, rows: TrainingFrame) -> None:
    relevance = holdout.relevance
    gain = dict(
        zip(zip(relevance.user_id.tolist(), relevance.job_id.tolist(), strict=True), relevance.gain, strict=True)
    )
    pairs = zip(rows.user_id.tolist(), rows.job_id.tolist(), strict=True)
    np.testing.assert_array_equal(rows.label, [gain.get(pair, 0.0) for pair in pairs])
    assert 0 < rows.n_positives < len(rows)
    assert rows.group.sum() == len(rows)
    assert (rows.group <= 10 + np.bincount(np.searchsorted(rows.users, rows.user_id), rows.label > 0)).all()


def test_negatives_do_not_depend_on_other_users(holdout: Holdout, rows: TrainingFrame) -> None:
    part = frame(holdout, NAMES, users=rows.users[::2], negatives=10)
    kept = np.isin(rows.user_id, part.users)
    np.testing.assert_array_equal(part.job_id, rows.job_id[kept])
    assert frame(holdout, NAMES, negatives=10, seed=1).digest != rows.digest


def test_missing_values_are_replaced(holdout: Holdout, rows: TrainingFrame) -> None:
    filled = frame(holdout, NAMES, negatives=10, missing=-1.0)
    assert np.isnan(rows.rows).any()
    assert not np.isnan(filled.rows).any()


def test_frame_is_in_the_package_of_models(holdout: Holdout) -> None:
    found = scoring.learning.frame(holdout, negatives=2)
    assert found.names == list(scoring.learning.DEFAULT_INPUTS)
    assert {"job.occupation", "job.prefecture"} == set(found.categorical)
    assert list(found.frame().columns) == ["user_id", "job_id", "label", *found.names]


def test_file_keeps_the_frame(rows: TrainingFrame, tmp_path: Path) -> None:
    found = TrainingFrame.load(rows.save(tmp_path / "rows.parquet"))
    assert found.digest == rows.digest
    assert found.training == rows.training


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    for make in (lambda: None, lambda: path.write_text("x"), lambda: pd.DataFrame({"a": [1]}).to_parquet(path)):
        make()
        with pytest.raises(DataError) as raised:
            TrainingFrame.load(path)
        assert "rows.parquet" in str(raised.value)


def change_looks(data: Dataset, changed: np.ndarray) -> Dataset:
    """Return the data with the views and clicks among the changed actions at other jobs."""
    actions = data.tables.actions.copy()
    looks = changed & actions["action"].isin(("view", "click")).to_numpy()
    assert looks.sum() > 100
    actions.loc[looks, "job_id"] = np.roll(actions.loc[looks, "job_id"].to_numpy(), 7)
    return Dataset(data.tables.with_tables(actions=actions), as_of=data.as_of)


def test_held_out_actions_of_users_change_no_row(data: Dataset) -> None:
    """Views and clicks of each user from the first held-out action on are changed. Earlier ones change rows."""
    actions, holdout = data.tables.actions, last_n(data, 3)
    relevant = pd.DataFrame({"user_id": holdout.relevance.user_id, "job_id": holdout.relevance.job_id})
    held = actions[actions["action"] == "application"].merge(relevant)
    first = actions["user_id"].map(held.groupby("user_id")["occurred_at"].min())
    rows = frame(holdout, NAMES, negatives=5)
    changed = change_looks(data, (actions["occurred_at"] > first).to_numpy())
    assert changed.fingerprint != data.fingerprint
    assert frame(last_n(changed, 3), NAMES, negatives=5).digest == rows.digest
    earlier = change_looks(data, (actions["occurred_at"] < first).to_numpy())
    assert frame(last_n(earlier, 3), NAMES, negatives=5).digest != rows.digest
    record_count("training leaks", "{} inputs", len(NAMES))


def test_actions_of_newcomers_change_no_row(data: Dataset) -> None:
    """All views and clicks of the held-out users are changed. Those of other users change rows."""
    actions, holdout = data.tables.actions, cold_start(data, share=0.3)
    rows = frame(holdout, NAMES, negatives=5)
    is_new = actions["user_id"].isin(holdout.user_id).to_numpy()
    assert frame(cold_start(change_looks(data, is_new), share=0.3), NAMES, negatives=5).digest == rows.digest
    assert frame(cold_start(change_looks(data, ~is_new), share=0.3), NAMES, negatives=5).digest != rows.digest
    record_count("training leaks", "{} inputs", len(NAMES))


def test_rows_follow_the_given_rules(holdout: Holdout) -> None:
    rules = Eligibility(min_fee=2_000)
    found = frame(holdout, ["job.fee"], negatives=10, rules=rules)
    assert found.rows.min() >= 2_000
    inputs = Inputs.of(holdout.data)
    users, jobs = inputs.user_lookup.find_rows(found.user_id), inputs.job_lookup.find_rows(found.job_id)
    assert Exclusions.of(rules, inputs).matrix(np.arange(len(inputs.users)))[users, jobs].all()
    default = frame(holdout, ["job.fee"], negatives=10)
    assert np.nanmin(default.rows) < 2_000


def test_holdout_without_a_cut_hides_the_held_out_actions(data: Dataset, tmp_path: Path) -> None:
    """A user's own held-out actions are not in the inputs. The frame has no common cut."""
    holdout = last_n(data)
    found = frame(holdout, NAMES, negatives=5)
    assert found.cut is None
    assert "without a common cut" in repr(found)
    assert TrainingFrame.load(found.save(tmp_path / "rows.parquet")).digest == found.digest
    positive = found.label > 0
    inputs = Inputs.of(holdout.data)
    users, jobs = inputs.user_lookup.find_rows(found.user_id), inputs.job_lookup.find_rows(found.job_id)
    known = set(zip(inputs.dataset.actions.user.tolist(), inputs.dataset.actions.job.tolist(), strict=True))
    assert not known & set(zip(users[positive].tolist(), jobs[positive].tolist(), strict=True))


def test_invalid_arguments_are_refused(holdout: Holdout) -> None:
    with pytest.raises(ConfigurationError):
        frame(holdout, ["job.nothing"])
    with pytest.raises(ConfigurationError):
        frame(holdout, negatives=0)
    with pytest.raises(ConfigurationError):
        frame(holdout, seed=-1)
    with pytest.raises(UnknownIdError):
        frame(holdout, users=["unknown"])
    with pytest.raises(ConfigurationError):
        frame("market.db")  # type: ignore[arg-type]
