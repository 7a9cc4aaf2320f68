"""Measures and components in plain words, for readers who do not know their names."""

from __future__ import annotations

import sys
from typing import Final

from scoring.evaluation.job_slices import JOB_PREFIX
from scoring.evaluation.measure_info import LIST_MEASURES, find_measure
from scoring.model import Component

__all__ = ["describe_component", "describe_measure", "is_list_measure", "name_measure", "name_slicing"]

_LIST_LABELS: Final = {kind.label for kind in LIST_MEASURES}

_NAMES: Final = {
    "NDCG": "quality of the order",
    "Recall": "chosen jobs that are shown",
    "Precision": "shown jobs that are chosen",
    "MRR": "position of the first chosen job",
    "MAP": "quality of the whole order",
    "HitRate": "users who are shown a chosen job",
    "mean fee": "fee per shown job",
    "mean wage": "wage of the shown jobs",
    "diversity": "mix of occupations",
    "miscalibration": "distance from earlier interests",
    "novelty": "little-known jobs",
    "popularity bias": "preference for popular jobs",
    "coverage": "jobs shown to at least one user",
    "concentration": "concentration on few jobs",
}

_MEANINGS: Final = {
    "NDCG": "How near the order of the first {k} jobs is to the best possible order. 1 is perfect; 0 means that no "
    "chosen job is among them. Higher ranks count more.",
    "Recall": "The share of a user's chosen jobs that are among the first {k}.",
    "Precision": "The share of the first {k} jobs that the user chose.",
    "MRR": "1 divided by the rank of the first chosen job: 1 for the first rank, 0.5 for the second, 0 if none of the "
    "first {k} jobs is chosen.",
    "MAP": "The share of chosen jobs down to each chosen job among the first {k}, averaged.",
    "HitRate": "The share of users with a chosen job among the first {k}.",
    "mean fee": "The mean fee that the board receives for an application to one of the first {k} jobs. A missing fee "
    "counts as 0.",
    "mean wage": "The mean hourly wage of the first {k} jobs, compared with their area. 1.1 is 10% above the area.",
    "diversity": "The share of pairs among the first {k} jobs that are of different occupation groups.",
    "miscalibration": "How much the occupations of the first {k} jobs differ from those that the user viewed, clicked "
    "or applied to before. 0 means no difference.",
    "novelty": "Higher if few users know the first {k} jobs. Neither direction is better.",
    "popularity bias": "How many users acted on the first {k} jobs, compared with the average job. 1 is average.",
    "coverage": "The share of all open jobs that are among the first {k} of at least one user.",
    "concentration": "How unequally the places are spread over the jobs. 0: all jobs have equally many; 1: one job has "
    "all places.",
}


def name_measure(measure: str) -> str:
    """Return a measure such as `NDCG@10` in plain words; an unknown measure keeps its name."""
    return _NAMES.get(_find_label(measure), measure)


def describe_measure(measure: str) -> str:
    """Return the meaning of a measure such as `NDCG@10` in one or two sentences."""
    label, k = _find_label(measure), measure.rpartition("@")[2]
    return _MEANINGS[label].format(k=k) if label in _MEANINGS else find_measure(measure).meaning


def is_list_measure(measure: str) -> bool:
    """Return whether a measure is a property of the lists. Otherwise it compares them with later choices."""
    return _find_label(measure) in _LIST_LABELS


def describe_component(component: Component) -> str:
    """Return the first line about a component: of its module if it is shipped, otherwise of its class."""
    kind = type(component)
    is_shipped = kind.__module__.startswith("scoring.components.") and ".classic." not in kind.__module__
    text = sys.modules[kind.__module__].__doc__ if is_shipped else kind.__doc__
    return (text or "").strip().partition("\n")[0]


def name_slicing(slicing: str) -> str:
    """Return the name of a slicing in plain words; `job.` marks groups of jobs."""
    if slicing.startswith(JOB_PREFIX):
        return f"jobs by {slicing.removeprefix(JOB_PREFIX)}"
    return {"tenure": "new or regular user"}.get(slicing, slicing)


def _find_label(measure: str) -> str:
    return measure.rpartition("@")[0] or measure
