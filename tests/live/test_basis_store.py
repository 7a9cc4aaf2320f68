"""Tests of `scoring.live.basis_store`: a stored basis has the same values."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from scoring.database.database import Database
from scoring.dataset import Dataset
from scoring.dataset.clock import Clock
from scoring.errors import DataError
from scoring.live.basis_store import KEPT, BasisStore, bases, basis_factors, decode_arrays, digest_of, encode_arrays
from scoring.statistics import Basis, Statistics
from tests.support.live_market import make_tables


@pytest.fixture(scope="module")
def basis() -> Basis:
    return Statistics(Dataset(make_tables())).basis.materialize([360.0])


def test_arrays_are_read_as_they_were_written() -> None:
    arrays = {"b": np.arange(6.0).reshape(2, 3), "a": np.array([], dtype=np.int64), "c": np.array([True])}
    content = encode_arrays(arrays)
    found = decode_arrays(content, digest_of(content))
    assert list(found) == sorted(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert (found[name].dtype, found[name].shape, found[name].flags.writeable) == (array.dtype, array.shape, True)
    with pytest.raises(DataError):
        decode_arrays(content[:-1] + b"x", digest_of(content))


def test_stored_basis_has_the_same_digest(database: Database, basis: Basis) -> None:
    writer, reader = BasisStore(), BasisStore()
    with database.begin() as connection:
        writer.create(connection)
        assert reader.read(connection) is None
        written = writer.write(connection, 1, basis, promotion=3)
        found = reader.read(connection)
    assert found is not None
    assert (found.number, found.digest, found.promotion) == (1, written.digest, 3)
    assert found.basis.digest == written.basis.digest == basis.digest
    assert found.as_of == basis.clock.as_of.to_pydatetime()


def test_old_bases_are_removed_and_factors_are_shared(database: Database, basis: Basis) -> None:
    store = BasisStore()
    with database.begin() as connection:
        store.create(connection)
        for number in range(1, KEPT + 3):
            moved = Clock(basis.clock.as_of + timedelta(seconds=number), set_back=False)
            basis = store.write(connection, number, replace(basis, clock=moved)).basis
        assert connection.execute(select(func.count()).select_from(bases)).scalar_one() == KEPT
        assert connection.execute(select(func.count()).select_from(basis_factors)).scalar_one() == 1
        assert store.read(connection, 1) is None
        newest = BasisStore().read(connection)
    assert newest is not None
    assert newest.number == KEPT + 2
    assert newest.basis.digest == basis.digest


def test_basis_of_another_format_is_not_read(database: Database, basis: Basis) -> None:
    store = BasisStore()
    with database.begin() as connection:
        store.create(connection)
        store.write(connection, 1, basis)
        connection.execute(bases.update(), {"format": 99})
        assert store.read(connection) is None
        assert store.find_newest(connection) == (1, basis.clock.as_of.to_pydatetime())
