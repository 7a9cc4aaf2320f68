"""Parser of goals, floors and parameters, as users write them in a command."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from scoring.errors import ConfigurationError, suggest
from scoring.evaluation.measure_info import LIST_MEASURES, METRICS
from scoring.evaluation.metrics import Metric
from scoring.evaluation.slices import Slicing
from scoring.tuning.goals import Floor, Goal, ListGoal, MetricGoal
from scoring.tuning.space import Parameter
from scoring.tuning.trial_constraint import Condition

__all__ = ["parse_condition", "parse_floor", "parse_goal", "parse_metric", "parse_parameter", "split_floor"]

_METRIC_NAMES: Final = tuple(kind.__name__ for kind in METRICS)


def parse_metric(text: str) -> Metric:
    """Return the metric that a text such as `NDCG@10` names. Case is ignored.

    Raises
    ------
    ConfigurationError: If the text is invalid or the metric does not exist.
    """
    name, k = _split(text)
    for kind in METRICS:
        if name == kind.__name__.lower():
            return kind(k)
    raise ConfigurationError(f"{text!r} is not a metric. {_describe_syntax(text, _METRIC_NAMES)}", key=("metric", text))


def parse_goal(text: str, maximise: bool = True) -> Goal:
    """Return the goal that a text names: a metric, or a property of lists such as `mean fee@40`.

    Raises
    ------
    ConfigurationError: If the text is invalid or the goal does not exist.
    """
    name, k = _split(text)
    for fact in LIST_MEASURES:
        if name == fact.label.replace(" ", ""):
            return ListGoal(fact(k), maximise)
    if name not in (metric.lower() for metric in _METRIC_NAMES):
        known = (*_METRIC_NAMES, *(fact.label for fact in LIST_MEASURES))
        raise ConfigurationError(f"{text!r} is not a goal. {_describe_syntax(text, known)}", key=("goal", text))
    return MetricGoal(parse_metric(text), maximise)


def parse_condition(text: str) -> Condition:
    """Return the condition of a text such as `mean fee@40 >= 3000`; `95%` is a percentage of the baseline's value.

    Raises
    ------
    ConfigurationError: If the text is invalid or the measure does not exist.
    """
    match = re.fullmatch(r"\s*([^<>=]+?)\s*(>=|<=)\s*([-+0-9.,eE]+?)\s*(%)?\s*", text)
    try:
        if match is None:
            raise ValueError
        measure, operator, number, percent = match.groups()
        limit = float(number.replace(",", ""))
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a condition. Use MEASURE >= NUMBER or MEASURE <= NUMBER, such as mean fee@40 >= 3000. "
            "A percentage refers to the baseline, such as mean fee@40 >= 95%.",
            key=("condition", text),
        ) from None
    return Condition(
        parse_goal(measure), ">=" if operator == ">=" else "<=", limit / 100 if percent else limit, percent is not None
    )


def _split(text: str) -> tuple[str, int]:
    name, at, k = text.replace(" ", "").lower().partition("@")
    if not at or not k.isascii() or not k.isdigit() or not int(k):
        raise ConfigurationError(
            f"{text!r} does not end with @ and the length of the list, 1 or more. Add it, as in NDCG@10.",
            key=("ranks", text),
        )
    return name, int(k)


def _describe_syntax(text: str, names: Sequence[str]) -> str:
    known = suggest(text.partition("@")[0].strip(), names).removesuffix(".")
    return f"{known}; followed by @ and a number of ranks."


def parse_parameter(text: str) -> Parameter:
    """Return the parameter of a text `COMPONENT.FIELD=LOW..HIGH`; a suffix `,log` selects a logarithmic scale.

    Raises
    ------
    ConfigurationError: If the text is invalid.
    """
    number = r"[-+0-9.eE]*?[0-9.]"
    match = re.fullmatch(rf"\s*([^.=\s]+)\.([^=\s]+)\s*=\s*({number})\.\.({number})\s*(,\s*log)?\s*", text)
    try:
        if match is None:
            raise ValueError
        component, field, low, high, log = match.groups()
        return Parameter(component, field, float(low), float(high), log=log is not None)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a parameter. Use COMPONENT.FIELD=LOW..HIGH, such as freshness.half_life_days=1..30,log.",
            key=("parameter", text),
        ) from None


def split_floor(text: str, slicings: Collection[str]) -> tuple[Metric, str, str, float]:
    """Return the metric, slicing, slice and share of a text `METRIC:SLICING:SLICE=SHARE`; the share is 1 if omitted.

    `slicings` are the names of the existing slicings.

    Raises
    ------
    ConfigurationError: If the text is invalid, or the metric or the slicing does not exist.
    """
    what, _, share = text.rpartition("=") if "=" in text else (text, "", "1")
    parts = [part.strip() for part in what.split(":", 2)]
    try:
        if len(parts) < 3:
            raise ValueError
        least = float(share)
    except ValueError:
        raise ConfigurationError(
            f"{text!r} is not a floor. Use METRIC:SLICING:SLICE, such as NDCG@10:tenure:newcomer. To allow a lower "
            "value than the baseline, add =SHARE, such as =0.95.",
            key=("floor", text),
        ) from None
    metric, slicing, label = parts
    if slicing not in slicings:
        raise ConfigurationError(
            f"{text!r}: {slicing!r} is not a slicing. {suggest(slicing, slicings)}", key=("slicing", slicing)
        )
    return parse_metric(metric), slicing, label, least


def parse_floor(text: str, slicings: Sequence[Slicing]) -> Floor:
    """Return the floor of a text, see `split_floor`. The share is that of the baseline's value in the slice.

    Raises
    ------
    ConfigurationError: If the text is invalid, or the metric, slicing or slice does not exist.
    """
    by_name = {slicing.name: slicing for slicing in slicings}
    metric, slicing_name, label, least = split_floor(text, by_name)
    slicing = by_name[slicing_name]
    if label not in slicing.labels:
        raise ConfigurationError(
            f"{text!r}: the slicing {slicing_name} has no slice {label!r}. {suggest(label, slicing.labels)}",
            key=("slice", label),
        )
    return Floor(metric, slicing, label, least)
