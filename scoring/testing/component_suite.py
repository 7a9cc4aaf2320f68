"""Checks of the component contract. All shipped components pass them."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scoring.backends import reference
from scoring.dataset import Dataset
from scoring.errors import ModelError
from scoring.model import Component, Inputs, Pair, Part, ScoringModel, WeightProfile, dump_model, parse_model
from scoring.model_catalog import get_component_kinds
from scoring.plan import Plan
from scoring.plan.value_range_check import RANGE_TOLERANCE
from scoring.ranking.component_contract import EXPLAIN_TOLERANCE, advise
from scoring.testing.component_scenarios import SEEDS, Scenarios, make_own_scenarios, make_scenarios

__all__ = ["BrokenContractError", "Condition", "check_component"]

_PAIRS = 30
"""Number of pairs per input that are explained, at half a millisecond each."""

Values = NDArray[np.float64]

Condition = Literal[
    "is a component",
    "has defaults",
    "has a kind",
    "is frozen",
    "can be pickled",
    "can be stored",
    "has valid terms",
    "is from 0 to 100",
    "equals explain",
    "is repeatable",
]
"""What a component must fulfil; see `check_component`."""


class BrokenContractError(AssertionError):
    """A component does not fulfil the contract.

    Attributes
    ----------
    condition : str
        The condition that does not hold: one of `Condition`.
    when : str or None
        The inputs, such as 'on the dataset'; None if the condition does not concern values.
    """

    def __init__(self, message: str, condition: Condition, when: str | None = None) -> None:
        super().__init__(message)
        self.condition, self.when = condition, when


def _require(holds: bool, condition: Condition, message: str, when: str | None = None) -> None:
    if not holds:
        raise BrokenContractError(message, condition, when)


def check_component(component: Component | type[Component], *, dataset: Dataset | None = None) -> None:
    """Check that a component fulfils the contract.

    - It is frozen, can be pickled, and is equal after it is written to a model file and read back.
    - Its terms return finite values from 0 to 100, which equal those of `explain` to 1e-9.
    - Values are the same at each call, in any order of rows, and do not depend on other rows of the request.
    - The values are also valid for missing values, new ids and codes, and empty tables.
    - Actions after the clock do not change values.

    Parameters
    ----------
    component: A component, or a class that is created with its default parameters.
    dataset: Additional data to check on. `small_dataset` is always used, with the own columns of `dataset`.

    Raises
    ------
    BrokenContractError: If the component does not fulfil the contract. This AssertionError describes the first
        violation.

    Example
    -------
    >>> from scoring.components import Location
    >>> check_component(Location)
    """
    own = _make_instance(component)
    _check_configuration(own)
    every = [make_scenarios(seed) for seed in SEEDS] if dataset is None else make_own_scenarios(dataset)
    for scenarios in every:
        _Check(own, scenarios).run()


def _make_instance(component: Component | type[Component]) -> Component:
    if isinstance(component, Component):
        return component
    if not isinstance(component, type):
        problem = f"{component!r} is neither a Component nor a subclass of Component."
        raise BrokenContractError(problem, "is a component")
    if not issubclass(component, Component):
        problem = f"{component.__name__} is not a subclass of scoring.model.Component."
        raise BrokenContractError(problem, "is a component")
    try:
        return component()
    except (TypeError, ValueError) as error:
        raise BrokenContractError(
            f"{component.__name__} cannot be created without parameters. Pass an instance instead of the class. The "
            f"error is: {error}",
            "has defaults",
        ) from error


def _check_configuration(own: Component) -> None:
    name = type(own).__name__
    kind = getattr(type(own), "kind", None)
    advice = "Set it to the name of the component in model files."
    _require(isinstance(kind, str), "has a kind", f"{name} has no `kind`. {advice}")
    _require(bool(kind), "has a kind", f"The `kind` of {name} is empty. {advice}")
    is_frozen = bool(type(own).model_config.get("frozen"))
    _require(is_frozen, "is frozen", f"{name} is not frozen. Do not override `model_config` of Component.")
    try:
        again = pickle.loads(pickle.dumps(own))  # noqa: S301  # pickled in the same expression
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise BrokenContractError(
            f"{name} cannot be pickled ({error}). Define its class at the top level of a module, and use parameters "
            "that can be pickled.",
            "can be pickled",
        ) from error
    _require(again == own, "can be pickled", f"{name} is {again!r} after pickling, not {own!r}.")
    try:
        kinds = get_component_kinds([type(own)])
        text = dump_model(_make_model(own))
        read = parse_model(text, kinds).parts[0].component
    except ModelError as error:
        problem = f"{name} cannot be read back from a model file: {error}"
        raise BrokenContractError(problem, "can be stored") from error
    problem = f"{name} is {read!r} after it is written to a model file and read back, not {own!r}."
    _require(read == own, "can be stored", problem)


def _make_model(own: Component) -> ScoringModel:
    """Return a model of this component alone."""
    name = type(own).kind
    weights = WeightProfile({"base": 1.0}, {"base": {name: 1.0}})
    return ScoringModel("check", (Part(name, "base", own),), weights)


class _Check:
    """The checks of one component in the scenarios of one dataset."""

    def __init__(self, own: Component, scenarios: Scenarios) -> None:
        self.own, self.name = own, type(own).__name__
        self.scenarios = scenarios

    def run(self) -> None:
        inputs = self.scenarios.inputs
        values = self.require_valid(inputs, "on the dataset")
        self.require_same(values, inputs, "when it is computed a second time")
        for other in self.scenarios.equivalent:
            self.require_same(values[np.ix_(other.users, other.jobs)], other.inputs, other.when)
        for other in self.scenarios.edge_cases:
            self.require_valid(other.inputs, other.when)
        few, many = self.scenarios.after_the_clock
        self.require_same(self.values(few, "with the clock set back"), many, "with actions after the clock")

    def values(self, inputs: Inputs, when: str) -> Values:
        """Return (n_users, n_jobs) float64 values."""
        try:
            plan = Plan.build(_make_model(self.own), inputs)
        except ModelError as error:
            raise BrokenContractError(f"{self.name}, {when}: {error}", "has valid terms", when) from error
        rows = np.arange(len(inputs.users)), np.arange(len(inputs.jobs))
        return reference.compute_component_values(plan.program, *rows)[0]

    def require_valid(self, inputs: Inputs, when: str) -> Values:
        """Return the values, after checking that all are from 0 to 100 and that a sample equals `explain`."""
        values = self.values(inputs, when)
        inside = (values >= -RANGE_TOLERANCE) & (values <= 100 + RANGE_TOLERANCE)  # False for NaN
        self.require_all(
            inside,
            inputs,
            lambda u, j: f"the value is {float(values[u, j])!r}; it must be from 0 to 100",
            "is from 0 to 100",
            when,
        )
        if values.size:
            pairs = np.random.default_rng(0).choice(values.size, min(_PAIRS, values.size), replace=False)
            for u, j in zip(*np.unravel_index(pairs, values.shape), strict=True):
                self.require_explained(inputs, int(u), int(j), float(values[u, j]), when)
        return values

    def require_explained(self, inputs: Inputs, u: int, j: int, value: float, when: str) -> None:
        plain = self.own.explain(Pair(inputs, u, j)).value
        where = self.describe_pair(inputs, u, j)
        if not isinstance(plain, int | float):
            problem = f"{where}, {when}: `explain` returns {plain!r}, which is not a number."
            raise BrokenContractError(problem, "equals explain", when)
        close = math.isfinite(plain) and abs(plain - value) <= EXPLAIN_TOLERANCE
        problem = f"{where}, {when}: `terms` gives {value!r}, `explain` returns {float(plain)!r}; they must agree."
        _require(close, "equals explain", problem, when)

    def require_same(self, expected: Values, inputs: Inputs, when: str) -> None:
        """Check that values equal the expected ones exactly."""
        found = self.values(inputs, when)

        def what(u: int, j: int) -> str:
            values = float(found[u, j]), float(expected[u, j])
            return f"the value is {values[0]!r}; it must still be {values[1]!r}. {advise(*values).rstrip('.')}"

        self.require_all(expected == found, inputs, what, "is repeatable", when)

    def require_all(
        self,
        holds: NDArray[np.bool_],
        inputs: Inputs,
        what: Callable[[int, int], str],
        condition: Condition,
        when: str,
    ) -> None:
        """Raise BrokenContractError for the first pair that violates a condition."""
        if not holds.all():
            u, j = (int(row) for row in np.argwhere(~holds)[0])
            problem = f"{self.describe_pair(inputs, u, j)}: {when}, {what(u, j)}."
            raise BrokenContractError(problem, condition, when)

    def describe_pair(self, inputs: Inputs, u: int, j: int) -> str:
        return f"{self.name} of user {inputs.users.user_id[u]} and job {inputs.jobs.job_id[j]}"
