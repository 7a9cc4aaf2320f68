"""What each component is worth: the metric without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.errors import ConfigurationError
from scoring.model import ScoringModel
from scoring.tuning.proportions import flat_along

__all__ = ["Ablation", "ablation"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Ablation:
    """The metric per user now, and with each component left out."""

    baseline: Floats  # (n,)
    without: Mapping[str, Floats]  # by component, (n,) for the same users
    weights: Mapping[str, float]  # now

    def __repr__(self) -> str:
        return f"Ablation({len(self.without)} components, {len(self.baseline):,} users)"

    def _repr_html_(self) -> str:
        return str(self.frame()._repr_html_())  # type: ignore[operator]

    def differences(self, component: str) -> Floats:
        """(n,) per user what is lost without it: above 0 where it helps. Raises ConfigurationError if unknown."""
        if component not in self.without:
            raise ConfigurationError(f"{component!r} was not left out; {', '.join(self.without)} were.")
        return self.baseline - self.without[component]

    def frame(self) -> pd.DataFrame:
        """One row per component, the most important first: component · weight · with_it · without_it · loss · users
        (for whom the metric differs)."""
        rows = [
            {
                "component": name,
                "weight": self.weights[name],
                "with_it": float(self.baseline.mean()),
                "without_it": float(values.mean()),
                "loss": float(self.differences(name).mean()),
                "users": int((values != self.baseline).sum()),
            }
            for name, values in self.without.items()
        ]
        return pd.DataFrame(rows).sort_values("loss", ascending=False, kind="stable", ignore_index=True)


def ablation(model: ScoringModel, evaluate: Callable[[ScoringModel], Floats]) -> Ablation:
    """`evaluate` gives (n,) values, one per user, for a model; the same users in the same order each time.

    A component is left out by a weight of 0, the others in their present proportions. One that weighs 0 already is
    not evaluated again.

    Raises ConfigurationError: a model of one component; values that are none, NaN, or of other users than before.
    """
    flat, names = model.flat_weights, [part.name for part in model.parts]
    flat_along(flat, 0, 0.0)  # refuses a single component
    baseline = _checked("the model", evaluate(model), None)
    without = {}
    for place, name in enumerate(names):
        if flat[place] == 0:
            without[name] = baseline
            continue
        weights = dict(zip(names, flat_along(flat, place, 0.0).tolist(), strict=True))
        without[name] = _checked(f"the model without {name}", evaluate(model.with_weights(weights)), len(baseline))
    return Ablation(baseline, without, dict(zip(names, flat.tolist(), strict=True)))


def _checked(what: str, values: Floats, n: int | None) -> Floats:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values) or (n is not None and len(values) != n):
        expected = "a value per user" if n is None else f"{n:,} values"
        raise ConfigurationError(f"evaluating {what} gave an array of shape {values.shape}; {expected} are needed.")
    if np.isnan(values).any():
        raise ConfigurationError(
            f"evaluating {what} gave NaN for {int(np.isnan(values).sum()):,} users; leave out those without a value."
        )
    return values
