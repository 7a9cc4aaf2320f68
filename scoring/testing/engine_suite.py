"""Check the invariants of an engine, for any backend, model or component.

Modelled on scikit-learn's estimator checks (Buitinck et al., "API design for machine learning software", 2013).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from scoring.argument_checks import check_seed
from scoring.backends.protocol import BackendFactory
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError
from scoring.model import Component, Part, ScoringModel, WeightProfile
from scoring.model_catalog import load_model
from scoring.testing.check_context import CheckContext, make_small_market
from scoring.testing.engine_under_test import EngineUnderTest, ScorerPath
from scoring.testing.invariants import INVARIANTS, Invariant, NotTestableError

__all__ = ["BrokenInvariantsError", "EngineCheck", "EngineReport", "check_engine", "engine_checks", "list_checks"]

CheckedModel = ScoringModel | str | Component | type[Component]


class BrokenInvariantsError(AssertionError):
    """Some invariants do not hold. `failures` maps their names to the evidence."""

    def __init__(self, message: str, failures: dict[str, str]) -> None:
        super().__init__(message, failures)  # pickling needs both arguments
        self.failures = failures

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, repr=False)
class EngineReport:
    """The result of the checks: `passed` invariants, and `not_testable` ones with a reason.

    An invariant is not testable if the data or the model contains nothing on which it could fail.
    """

    passed: tuple[str, ...]
    not_testable: dict[str, str]

    def __repr__(self) -> str:
        return f"EngineReport({len(self.passed)} invariants hold, {len(self.not_testable)} could not be tested)"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    def frame(self) -> pd.DataFrame:
        """Return one row per invariant: its name, its statement, and why it could not be tested."""
        rows = [
            {
                "invariant": name,
                "statement": INVARIANTS[name].statement,
                "not_testable": self.not_testable.get(name, ""),
            }
            for name in INVARIANTS
            if name in self.passed or name in self.not_testable
        ]
        return pd.DataFrame(rows, columns=["invariant", "statement", "not_testable"])


@dataclass(frozen=True)
class EngineCheck:
    """A callable check of one invariant of one engine. pytest uses its name as the name of the test."""

    invariant: Invariant
    context: CheckContext

    @property
    def __name__(self) -> str:
        return self.invariant.name

    def __repr__(self) -> str:
        return f"EngineCheck({self.invariant.name})"

    def __call__(self) -> None:
        """Check the invariant.

        Raises
        ------
        AssertionError: If the invariant does not hold. The message contains the evidence.
        NotShownError: If no data can test the invariant. pytest skips the test.
        """
        self.invariant.check(self.context)


def list_checks() -> tuple[str, ...]:
    """Return the names of all invariants, in the order in which they are checked."""
    return tuple(INVARIANTS)


def engine_checks(
    model: CheckedModel = "standard",
    dataset: Dataset | None = None,
    *,
    seed: int = 0,
    scorer_path: ScorerPath = "auto",
    backend: EngineUnderTest | BackendFactory | None = None,
    checks: Iterable[str] | None = None,
) -> list[EngineCheck]:
    """Return the invariants as separate tests. The parameters are those of `check_engine`.

        @pytest.mark.parametrize("check", engine_checks(MyComponent))
        def test_my_component(check):
            check()

    The data is created when the first check is called.

    Raises
    ------
    ConfigurationError: If a check or the path does not exist, or if both a path and a backend are given.
    """
    seed = check_seed(seed)
    names = list_checks() if checks is None else tuple(checks)
    for name in names:
        if name not in INVARIANTS:
            raise ConfigurationError(
                f"checks contains {name!r}, which does not exist. Use any of {', '.join(INVARIANTS)}.", key=("checks",)
            )
    if backend is not None and scorer_path != "auto":
        raise ConfigurationError(
            "scorer_path and backend are both given. Use only one of them.", key=("scorer_path", "backend")
        )
    engine = backend if isinstance(backend, EngineUnderTest) else EngineUnderTest(scorer_path, backend)

    def data() -> Dataset:
        return make_small_market(seed) if dataset is None else dataset

    context = CheckContext(_make_model(model), data, engine, seed)
    return [EngineCheck(INVARIANTS[name], context) for name in names]


def check_engine(
    model: CheckedModel = "standard",
    dataset: Dataset | None = None,
    *,
    seed: int = 0,
    scorer_path: ScorerPath = "auto",
    backend: EngineUnderTest | BackendFactory | None = None,
    checks: Iterable[str] | None = None,
) -> EngineReport:
    """Check the invariants of a model on one scorer path or backend.

    To check a custom component, call `check_engine(MyComponent)`. The component is added to the model `standard` and
    gets half of the weight.

    Parameters
    ----------
    model: A model, its name or file, or a component. A component class is created with its default parameters.
    dataset: The data; None: a small market generated from `seed`. Of a large dataset, only some rows are scored. If it
        contains no factors, they are trained again for the few invariants that change its tables.
    seed: Seed of the market and of all random choices.
    scorer_path: A path of `Scorer`, or "reference".
    backend: Replaces `scorer_path`. A function or class that creates the backend to check, or another engine: an
        `EngineUnderTest` with overridden methods.
    checks: Names of the invariants to check; None: all.

    Raises
    ------
    BrokenInvariantsError: If an invariant does not hold. This AssertionError names every violated invariant with its
        first user, job and values.
    ConfigurationError: If a check or the path does not exist, or if both a path and a backend are given.
    """
    every = engine_checks(model, dataset, seed=seed, scorer_path=scorer_path, backend=backend, checks=checks)
    passed: list[str] = []
    not_testable: dict[str, str] = {}
    failures: dict[str, str] = {}
    for check in every:
        name = check.invariant.name
        try:
            check()
        except NotTestableError as reason:
            not_testable[name] = str(reason)
        except AssertionError as error:
            failures[name] = str(error)
        except Exception as error:  # noqa: BLE001  # the engine may be user code: any exception is evidence
            failures[name] = f"It raised {type(error).__name__}: {error}"
        else:
            passed.append(name)
    if failures:
        raise BrokenInvariantsError(_summarise(failures, every[0].context, len(every)), failures)
    return EngineReport(tuple(passed), not_testable)


def _summarise(failures: dict[str, str], context: CheckContext, n: int) -> str:
    setup = f"{context.model.name} ({context.engine!r}, seed {context.seed})"
    head = f"{len(failures)} of {n} invariants do not hold for {setup}:"
    by_evidence: dict[str, list[str]] = {}
    for name, evidence in failures.items():
        by_evidence.setdefault(evidence, []).append(name)
    lines = [
        f"- {names[0]}: {INVARIANTS[names[0]].statement}\n  {evidence}"
        if len(names) == 1
        # if nothing works at all, every invariant has the same evidence
        else f"- {', '.join(names)}:\n  {evidence}"
        for evidence, names in by_evidence.items()
    ]
    advice = (
        "Correct the component, model or backend that was checked. If none of them is yours, this is a bug in scoring."
    )
    return "\n".join([head, *lines, advice])


def _make_model(given: CheckedModel) -> ScoringModel:
    """Return the model to check. A component is added to `standard` with half of the weight."""
    if isinstance(given, ScoringModel):
        return given
    if isinstance(given, Component):
        return _add_to_standard(given)
    if isinstance(given, type):
        return _add_to_standard(given())
    return load_model(given)


def _add_to_standard(component: Component) -> ScoringModel:
    base = load_model("standard")
    taken = {part.name for part in base.parts}
    name = component.kind if component.kind not in taken else f"{component.kind}_checked"
    groups = {group: weight / 2 for group, weight in base.weights.groups.items()}
    within = {group: dict(weights) for group, weights in base.weights.components.items()}
    before = groups["base"]
    groups["base"] += 0.5
    within["base"] = {key: weight * before for key, weight in within["base"].items()} | {name: 0.5}
    own = [part for part in base.parts if part.group == "base"] + [Part(name, "base", component)]
    parts = (*own, *(part for part in base.parts if part.group != "base"))
    return replace(base, name=f"standard with {name}", parts=parts, weights=WeightProfile.normalised(groups, within))
