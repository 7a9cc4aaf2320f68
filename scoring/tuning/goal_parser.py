"""Goals, floors and parameters as somebody writes them in a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from scoring.errors import ConfigurationError
from scoring.evaluation.list_metrics import Concentration, Coverage, MeanFee, MeanWage, Novelty
from scoring.evaluation.metrics import MAP, MRR, NDCG, HitRate, Metric, Precision, Recall
from scoring.evaluation.slices import Slicing
from scoring.tuning.goals import Floor, Goal, ListGoal, MetricGoal
from scoring.tuning.space import Parameter

__all__ = ["floor_named", "goal_named", "metric_named", "parameter_named"]

_METRICS: Final[tuple[type[Metric], ...]] = (NDCG, Recall, Precision, MRR, MAP, HitRate)
_FACTS: Final = (MeanFee, MeanWage, Novelty, Coverage, Concentration)


def metric_named(text: str) -> Metric:
    """Like NDCG@10; small letters will do. Raises ConfigurationError."""
    name, k = _split(text)
    for kind in _METRICS:
        if name == kind.__name__.lower():
            return kind(k)
    raise ConfigurationError(f"there is no metric {text!r}; there are {_known(_METRICS)}, each with @k behind it.")


def goal_named(text: str, maximise: bool = True) -> Goal:
    """A metric, or what lists are like: `mean fee@40`. Raises ConfigurationError."""
    name, k = _split(text)
    for fact in _FACTS:
        if name == fact.label.replace(" ", ""):
            return ListGoal(fact(k), maximise)
    try:
        return MetricGoal(metric_named(text), maximise)
    except ConfigurationError:
        known = f"{_known(_METRICS)}, {', '.join(fact.label for fact in _FACTS)}"
        raise ConfigurationError(f"there is no goal {text!r}; there are {known}, each with @k behind it.") from None


def _split(text: str) -> tuple[str, int]:
    name, at, k = text.replace(" ", "").lower().partition("@")
    if not at or not k.isascii() or not k.isdigit():
        raise ConfigurationError(f"{text!r} names no ranks; write how many are looked at, such as NDCG@10.")
    return name, int(k)


def _known(metrics: Sequence[type[Metric]]) -> str:
    return ", ".join(kind.__name__ for kind in metrics)


def parameter_named(text: str) -> Parameter:
    """`COMPONENT.FIELD=LOW..HIGH`, with `,log` behind it where ratios count. Raises ConfigurationError."""
    number = r"[-+0-9.eE]*?[0-9.]"
    found = re.fullmatch(rf"\s*([^.=\s]+)\.([^=\s]+)\s*=\s*({number})\.\.({number})\s*(,\s*log)?\s*", text)
    try:
        if found is None:
            raise ValueError
        component, field, low, high, log = found.groups()
        return Parameter(component, field, float(low), float(high), log=log is not None)
    except ValueError:
        said = "write COMPONENT.FIELD=LOW..HIGH, such as freshness.half_life_days=1..30,log"
        raise ConfigurationError(f"the parameter {text!r} cannot be read; {said}.") from None


def floor_named(text: str, slicings: Sequence[Slicing]) -> Floor:
    """`METRIC:SLICING:SLICE=SHARE`, the share being of what the baseline reaches; 1 without `=SHARE`.

    Raises ConfigurationError: it cannot be read; no such metric, slicing or slice.
    """
    what, _, share = text.rpartition("=") if "=" in text else (text, "", "1")
    parts = [part.strip() for part in what.split(":", 2)]
    try:
        if len(parts) < 3:
            raise ValueError
        least = float(share)
    except ValueError:
        said = "write METRIC:SLICING:SLICE=SHARE, such as NDCG@10:tenure:newcomer=1"
        raise ConfigurationError(f"the floor {text!r} cannot be read; {said}.") from None
    metric, slicing, label = parts
    by_name = {one.name: one for one in slicings}
    if slicing not in by_name:
        raise ConfigurationError(f"there is no slicing {slicing!r}; there are {', '.join(by_name)}.")
    if label not in by_name[slicing].labels:
        raise ConfigurationError(f"{slicing} has no slice {label!r}; it has {', '.join(by_name[slicing].labels)}.")
    return Floor(metric_named(metric), by_name[slicing], label, least)
