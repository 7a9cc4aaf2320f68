"""Factors: independent of the order of rows, cached on disk safely, and replaced by given ones."""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring.dataset import Dataset, Tables, arrays
from scoring.model import Inputs
from scoring.statistics import ALS, Factors, Statistics, factors
from tests.support.small_datasets import small_dataset

QUICK = ALS(dimensions=6, iterations=3)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return small_dataset(5, n_users=40, n_jobs=60, n_actions=400, factors=False)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one with each training."""
    done: list[int] = []
    train = factors._train

    def counted(*args: object) -> object:
        done.append(1)
        return train(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(factors, "_train", counted)
    return done


def assert_same(found: Factors, wanted: Factors) -> None:
    for name in ("users", "jobs", "user_has", "job_has", "user_in_table"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)


# --- Training -----------------------------------------------------------------------------------------------


def test_training_does_not_depend_on_row_order(data: Dataset) -> None:
    wanted = Factors.of(data, settings=QUICK)
    assert wanted.source == "trained"
    assert_same(Factors.of(data, settings=QUICK), wanted)
    mixed = Tables(**{name: frame.sample(frac=1, random_state=1) for name, frame in data.tables.items()})
    assert_same(Factors.of(Dataset(mixed), settings=QUICK), wanted)
    twice = pd.concat([data.tables.actions, data.tables.actions.iloc[:50]], ignore_index=True)
    assert_same(Factors.of(Dataset(data.tables.with_tables(actions=twice)), settings=QUICK), wanted)


def test_default_settings_equal_documentation() -> None:
    assert ALS() == ALS(dimensions=32, regularization=0.05, iterations=15)
    assert factors.CONFIDENCE == {"application": 5.0, "click": 2.0, "view": 1.0}
    small = Factors.of(small_dataset(1, factors=False))
    assert small.dimensions == 32


def test_rows_without_actions_have_no_vector(data: Dataset) -> None:
    found = Factors.of(data, settings=QUICK)
    acting, acted = (np.zeros(len(rows), dtype=bool) for rows in (data.users, data.jobs))
    acting[data.actions.user] = acted[data.actions.job] = True
    assert not acting.all()
    np.testing.assert_array_equal(found.user_has, acting)
    assert not found.job_has[~acted].any()
    assert not found.users[~acting].any()
    lengths = np.linalg.norm(found.users[acting].astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, 1.0, atol=1e-6)
    assert found.users.dtype == np.float32


def test_confidence_of_pair_is_sum_over_actions(data: Dataset) -> None:
    users, jobs, confidence = factors._compute_confidences(data.actions)
    points = np.array([5.0, 2.0, 1.0])[data.actions.kind]
    for user, job, found in list(zip(users, jobs, confidence, strict=True))[:100]:
        of_pair = (data.actions.user == user) & (data.actions.job == job)
        assert found == points[of_pair].sum()
    assert len(users) == len({*zip(data.actions.user.tolist(), data.actions.job.tolist(), strict=True)})


def test_confidences_of_slices_equal_those_of_all_actions(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = factors._compute_confidences(data.actions)
    monkeypatch.setattr(arrays, "ACTIONS_PER_SLICE", 7)
    for found, expected in zip(factors._compute_confidences(data.actions), whole, strict=True):
        assert found.dtype == expected.dtype
        assert found.tolist() == expected.tolist()


def test_cache_key_is_the_digest_of_wide_arrays(data: Dataset) -> None:
    """Files that earlier versions wrote, from arrays of 64-bit rows, stay valid."""
    users, jobs, confidence = factors._compute_confidences(data.actions)
    acting, user = factors._number_rows(users, len(data.users))
    acted, job = factors._number_rows(jobs, len(data.jobs))
    wanted = hashlib.blake2b(f"implicit {version('implicit')}".encode(), digest_size=16)
    ids = data.users.user_id[acting], data.jobs.job_id[acted]
    for array in (*ids, np.searchsorted(acting, users), np.searchsorted(acted, jobs)):
        wanted.update(array.astype("<i8").tobytes())
    wanted.update(confidence.astype("<f4").tobytes() + repr(QUICK).encode())
    assert factors._compute_key(data, acting, acted, user, job, confidence, QUICK) == wanted.hexdigest()
    assert repr(QUICK) == "ALS(dimensions=6, regularization=0.05, iterations=3, seed=0)"


def test_actions_after_clock_are_not_used(data: Dataset) -> None:
    early = data.as_of - pd.Timedelta(days=20)
    known = data.tables.actions[data.tables.actions["occurred_at"] <= early]
    assert 0 < len(known) < len(data.tables.actions)
    wanted = Factors.of(Dataset(data.tables.with_tables(actions=known), as_of=early), settings=QUICK)
    assert_same(Factors.of(Dataset(data.tables, as_of=early), settings=QUICK), wanted)


def test_training_restores_process_settings(data: Dataset) -> None:
    """Thread counts, environment and warning filters are restored."""
    from threadpoolctl import threadpool_info

    def state() -> tuple[object, ...]:
        threads = sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info())
        return threads, dict(os.environ), list(warnings.filters)

    Factors.of(data, settings=QUICK)  # loads the libraries it needs
    before = state()
    Factors.of(data, settings=QUICK)
    assert state() == before


def test_no_vectors_without_actions(data: Dataset) -> None:
    quiet = Dataset(data.tables.with_tables(actions=data.tables.actions.iloc[:0]))
    found = Factors.of(quiet, settings=QUICK)
    assert found.source == "none"
    assert not found.user_has.any()
    assert not found.job_has.any()
    assert found.dimensions == QUICK.dimensions


# --- Cached on disk -----------------------------------------------------------------------------------------


def only_file(folder: Path) -> Path:
    (kept,) = folder.iterdir()
    return kept


def test_trained_factors_are_read_from_cache(data: Dataset, tmp_path: Path, trainings: list[int]) -> None:
    folder = tmp_path / "a" / "b"
    wanted = Factors.of(data, settings=QUICK, cache=folder)
    assert len(trainings) == 1
    mixed = Dataset(Tables(**{name: frame.sample(frac=1, random_state=3) for name, frame in data.tables.items()}))
    assert_same(Factors.of(mixed, settings=QUICK, cache=folder), wanted)
    assert len(trainings) == 1
    assert_same(Factors.of(data, settings=QUICK), wanted)  # and without a cache


def test_cache_file_is_readable_by_owner_only(data: Dataset, tmp_path: Path) -> None:
    """The mode does not depend on the umask, and no temporary file remains."""
    folder = tmp_path / "factors"
    old = os.umask(0)
    try:
        Factors.of(data, settings=QUICK, cache=folder)
    finally:
        os.umask(old)
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "other",
    [
        ALS(dimensions=7, iterations=3),
        ALS(dimensions=6, iterations=4),
        ALS(dimensions=6, iterations=3, seed=1),
        ALS(dimensions=6, iterations=3, regularization=0.1),
    ],
)
def test_other_settings_train_other_factors(data: Dataset, tmp_path: Path, other: ALS, trainings: list[int]) -> None:
    Factors.of(data, settings=QUICK, cache=tmp_path)
    Factors.of(data, settings=other, cache=tmp_path)
    assert len(trainings) == len(list(tmp_path.iterdir())) == 2


def test_other_actions_train_other_factors(data: Dataset, tmp_path: Path, trainings: list[int]) -> None:
    Factors.of(data, settings=QUICK, cache=tmp_path)
    actions = data.tables.actions
    applied = actions.assign(action=actions["action"].where(actions.index != 7, "application"))
    applied.loc[8, "action"] = "click" if actions.loc[8, "action"] != "click" else "view"
    for fewer in (actions.iloc[:-30], applied):
        Factors.of(Dataset(data.tables.with_tables(actions=fewer)), settings=QUICK, cache=tmp_path)
    assert len(trainings) == 3


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "no archive": lambda whole: b"not an archive at all",
    "cut": lambda whole: whole[: len(whole) // 2],
    "a byte short": lambda whole: whole[:-1],
    "a flipped bit": lambda whole: whole[:600] + bytes([whole[600] ^ 1]) + whole[601:],
    "zeros": lambda whole: bytes(len(whole)),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_cache_file_is_a_miss(data: Dataset, tmp_path: Path, how: str, trainings: list[int]) -> None:
    wanted = Factors.of(data, settings=QUICK, cache=tmp_path)
    kept = only_file(tmp_path)
    kept.write_bytes(DAMAGE[how](kept.read_bytes()))
    assert_same(Factors.of(data, settings=QUICK, cache=tmp_path), wanted)
    assert len(trainings) == 2
    assert_same(Factors.of(data, settings=QUICK, cache=tmp_path), wanted)
    assert len(trainings) == 2  # the file was replaced by a valid one


@pytest.mark.parametrize("seed", range(3))
def test_flipped_byte_in_cache_does_not_change_factors(data: Dataset, tmp_path: Path, seed: int) -> None:
    wanted = Factors.of(data, settings=QUICK, cache=tmp_path)
    kept = only_file(tmp_path)
    whole = kept.read_bytes()
    rng = np.random.default_rng(seed)
    headers = np.concatenate([rng.integers(0, 300, 20), len(whole) - 1 - rng.integers(0, 200, 30)])
    for place in headers:
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        kept.write_bytes(damaged)
        assert_same(Factors.of(data, settings=QUICK, cache=tmp_path), wanted)


@pytest.mark.parametrize("what", ["another shape", "NaN", "an array missing", "a pickle"])
def test_cache_file_with_other_content_is_a_miss(
    data: Dataset, tmp_path: Path, what: str, trainings: list[int]
) -> None:
    wanted = Factors.of(data, settings=QUICK, cache=tmp_path)
    kept = only_file(tmp_path)
    with np.load(kept) as arrays:
        users, jobs = arrays["users"], arrays["jobs"]
    if what == "another shape":
        np.savez(kept, users=users[:-1], jobs=jobs)
    elif what == "NaN":
        users[3, 2] = np.nan
        np.savez(kept, users=users, jobs=jobs)
    elif what == "an array missing":
        np.savez(kept, users=users)
    else:
        np.savez(kept, users=np.array([FailsWhenUnpickled()], dtype=object), jobs=jobs)
    assert_same(Factors.of(data, settings=QUICK, cache=tmp_path), wanted)
    assert len(trainings) == 2


class FailsWhenUnpickled:
    """Must never be unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("a pickle from the cache was executed",)


def test_failed_write_leaves_no_file(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(factors.np, "savez", full)
    with pytest.warns(RuntimeWarning, match="No space left on device"):
        found = Factors.of(data, settings=QUICK, cache=tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert_same(found, Factors.of(data, settings=QUICK))


# --- Given vectors ------------------------------------------------------------------------------------------


def test_imported_vectors_replace_training() -> None:
    """Nothing is trained. A zero vector counts as missing, but every listed user has a profile."""
    data = small_dataset(5)
    found = Factors.of(data)
    tables = data.tables
    assert tables.user_factors is not None
    assert found.source == "imported"
    listed = np.isin(data.users.user_id, tables.user_factors["user_id"])
    np.testing.assert_array_equal(found.user_in_table, listed)
    zero = int(tables.user_factors.loc[~tables.user_factors.iloc[:, 1:].any(axis=1), "user_id"].iloc[0])
    row = data.users.user_id.tolist().index(zero)
    assert not found.user_has[row]
    assert Inputs.of(Statistics(data)).has_profile[row]
    for user_id, *vector in tables.user_factors.itertuples(index=False):
        wanted = np.array(vector) / (np.sqrt(np.square(vector).sum()) or 1.0)
        np.testing.assert_allclose(found.users[data.users.user_id == user_id][0], wanted, atol=1e-7)
    assert not found.users[~listed].any()


def test_dimensions_are_ordered_by_number() -> None:
    """f10 comes after f9."""
    data = small_dataset(5)
    rng = np.random.default_rng(0)
    frames = {}
    for name, ids in (("user_factors", data.users.user_id), ("job_factors", data.jobs.job_id)):
        columns = {f"f{d}": rng.normal(size=len(ids)) for d in (10, 2, 0, 1, 11, *range(3, 10))}
        frames[name] = pd.DataFrame({name.split("_")[0] + "_id": ids} | columns)
    found = Factors.of(Dataset(data.tables.with_tables(**frames)))
    wide = frames["user_factors"][[f"f{d}" for d in range(12)]].to_numpy()
    np.testing.assert_allclose(found.users, wide / np.linalg.norm(wide, axis=1, keepdims=True), atol=1e-7)


def test_incomplete_vector_is_missing() -> None:
    data = small_dataset(5)
    given = data.tables.user_factors
    assert given is not None
    found = Factors.of(data)
    first = int(np.flatnonzero(found.user_has)[0])
    holes = given.assign(f2=given["f2"].where(given["user_id"] != data.users.user_id[first]))
    again = Factors.of(Dataset(data.tables.with_tables(user_factors=holes)))
    assert not again.user_has[first]
    assert not again.users[first].any()
    assert again.user_has.sum() == found.user_has.sum() - 1


def test_normalisation_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 5)) * np.arange(50)[:, None]
    whole = Factors.from_vectors(vectors, vectors[:0], "imported")
    monkeypatch.setattr(factors, "ROWS_PER_BLOCK", 7)
    assert_same(Factors.from_vectors(vectors, vectors[:0], "imported"), whole)


def test_vectors_are_normalised_to_length_1() -> None:
    users = np.array([[3.0, 4.0], [0.0, 0.0], [3e-120, 4e-120], [3e120, 4e120], [-3.0, 4.0]])
    found = Factors.from_vectors(users, users, "imported")
    assert found.user_has.tolist() == [True, False, True, True, True]
    np.testing.assert_allclose(found.users[[0, 2, 3, 4]], np.float32([[0.6, 0.8]] * 3 + [[-0.6, 0.8]]), atol=1e-7)
    assert not found.users[1].any()
