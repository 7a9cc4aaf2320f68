"""The actions of all users, read without selecting rows, equal those selected user by user."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scoring.columns import ACTION_KINDS
from scoring.dataset import Dataset
from scoring.model import Inputs
from scoring.synthetic import make_market


@pytest.mark.parametrize("kind", ACTION_KINDS)
@pytest.mark.parametrize("days", [None, 3.5])
def test_history_of_all_users_equals_selected_histories(kind: str, days: float | None) -> None:
    dataset = Dataset(make_market(60, 300, 4_000).tables)
    history = Inputs.of(dataset).history
    assert history._is_whole
    selected = history.take(np.arange(len(dataset.users)))
    found, expected = history.within(kind, days), selected.within(kind, days)
    assert len(found.user)
    assert found.user.dtype == expected.user.dtype
    for name in ("user", "job", "at"):
        assert getattr(found, name).tolist() == getattr(expected, name).tolist()


def test_history_of_some_users_is_not_whole() -> None:
    dataset = Dataset(make_market(60, 300, 4_000).tables)
    reversed_users = dataset.tables.users.iloc[::-1]
    for inputs in (
        Inputs.of(dataset, users=reversed_users),
        Inputs.of(dataset, users=dataset.tables.users.iloc[:5]),
        Inputs.of(dataset, users=pd.concat([dataset.tables.users, dataset.tables.users.iloc[:1]])),
        Inputs.of(dataset, users=dataset.tables.users, with_profile=np.arange(60) > 0),
    ):
        assert not inputs.history._is_whole
