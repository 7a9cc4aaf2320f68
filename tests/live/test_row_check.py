"""Shipped components pass the row check. A component that reads other rows is refused by name."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from scoring.columns.dataset_frames import Tables
from scoring.dataset import Dataset
from scoring.errors import ModelError
from scoring.live.row_check import require_row_component
from scoring.model import Component, Inputs, Pair, Part, Reason
from scoring.model.terms import JobTerm, UserTerm, Value
from scoring.model_catalog import SHIPPED
from scoring.statistics import Basis, Statistics
from tests.support.custom_components import SameAge, TitleVectors, TitleWord
from tests.support.random_markets import random_market

pytestmark = pytest.mark.integration


class _Base(Component):
    def explain(self, pair: Pair) -> Reason:
        raise NotImplementedError


class ShareOfJobs(_Base):
    """Reads all jobs of the inputs."""

    kind: ClassVar[str] = "share_of_jobs"

    def terms(self, inputs: Inputs) -> Value:
        codes = inputs.jobs.company
        return Value((JobTerm(100.0 * np.array([np.mean(codes == code) for code in codes])),))


class Viewed(_Base):
    """Reads the actions of all users."""

    kind: ClassVar[str] = "viewed"

    def terms(self, inputs: Inputs) -> Value:
        return Value((JobTerm(np.minimum(100.0, inputs.count_actions("view").astype(np.float64))),))


class OthersApplied(_Base):
    """Reads the history of the other users."""

    kind: ClassVar[str] = "others_applied"

    def terms(self, inputs: Inputs) -> Value:
        return Value((UserTerm(np.full(len(inputs.users), min(100.0, len(inputs.history.within("application"))))),))


class ShareOfUsers(_Base):
    """Reads all users of the inputs."""

    kind: ClassVar[str] = "share_of_users"

    def terms(self, inputs: Inputs) -> Value:
        codes = inputs.users.prefecture
        return Value((UserTerm(100.0 * np.array([np.mean(codes == code) for code in codes])),))


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset(Tables(**random_market(2, 30, 150, 250, factors=True).frames()))


@pytest.fixture(scope="module")
def basis(data: Dataset) -> Basis:
    return Statistics(data).basis.materialize([360.0])


@pytest.mark.parametrize("component", [*SHIPPED, TitleWord, SameAge], ids=lambda component: component.kind)
def test_components_of_rows_pass(data: Dataset, basis: Basis, component: type[Component]) -> None:
    require_row_component(Part("it", "base", component()), data, basis)


@pytest.mark.parametrize(
    ("component", "read"),
    [
        (ShareOfJobs, "other jobs"),
        (Viewed, "the actions of other users"),
        (OthersApplied, "the actions of other users"),
        (ShareOfUsers, "other users"),
        (TitleVectors, "other jobs"),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_components_of_other_rows_are_refused(
    data: Dataset, basis: Basis, component: type[Component], read: str
) -> None:
    with pytest.raises(ModelError) as raised:
        require_row_component(Part("it", "base", component()), data, basis)
    assert raised.value.key[0] == "it"
    assert read in raised.value.key[1:]
