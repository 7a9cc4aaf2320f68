"""Ranking metrics: one number per user that compares a list with the user's relevant jobs.

Each metric is the standard formula and equals trec_eval's if scores have no ties. Below, g_r is the gain at rank r.
Ranks start at 1, and g_r is 0 if the job is not relevant or the list has ended. h_r is [g_r > 0]. R is the number of
the user's relevant jobs, listed or not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike

from scoring.argument_checks import check_list_length
from scoring.array_types import Bools, Floats
from scoring.errors import ConfigurationError
from scoring.evaluation.relevance_judgements import RankedRelevance

__all__ = ["DEFAULT_METRICS", "MAP", "MRR", "NDCG", "HitRate", "Metric", "Precision", "Recall", "compute_mean"]


@dataclass(frozen=True)
class Metric(ABC):
    """A number from 0 to 1 per user, higher is better, over the first k ranks.

    A list shorter than k contains all available jobs: the ranks after its end count as not relevant.
    """

    k: int

    good_sign: ClassVar[int] = 1  # higher is better
    unit: ClassVar[str] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", check_list_length(self.k))

    @property
    def name(self) -> str:
        """Class name and k, such as NDCG@10."""
        return f"{type(self).__name__}@{self.k}"

    def of(self, relevance: RankedRelevance) -> Floats:
        """Return (n,) one value per user; NaN, not 0, for users without a relevant job.

        Raises
        ------
        ConfigurationError: If the lists end before rank k, because later ranks are unknown. If no more jobs exist,
            pass k to `rank_relevance`.
        """
        if self.k > relevance.k:
            raise ConfigurationError(
                f"{self.name} needs lists of {self.k} jobs, but these end at rank {relevance.k}. Rank {self.k} jobs "
                f"for each user. If no more jobs exist, call rank_relevance with k={self.k}.",
                key=("k",),
            )
        return np.where(relevance.has_relevant, self._values(relevance), np.nan)

    @abstractmethod
    def _values(self, relevance: RankedRelevance) -> Floats:
        """Return (n,) values; any finite number if R = 0."""


@dataclass(frozen=True)
class NDCG(Metric):
    """Normalised discounted cumulative gain: DCG / IDCG, DCG = Σ_{r ≤ k} g_r / log2(r + 1).

    IDCG is the DCG of the user's gains in descending order, to rank k. Gains are linear, as in trec_eval's
    ndcg_cut. Järvelin & Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 20(4), 2002.

    Example
    -------
    >>> NDCG(10).name
    'NDCG@10'
    """

    k: int = 10

    def _values(self, relevance: RankedRelevance) -> Floats:
        discount = 1 / np.log2(np.arange(2, min(self.k, relevance.gains.shape[1]) + 2))
        gained, ideal = ((gains[:, : self.k] * discount).sum(axis=1) for gains in (relevance.gains, relevance.ideal))
        return np.asarray(gained) / np.where(ideal > 0, ideal, 1)


@dataclass(frozen=True)
class Recall(Metric):
    """Σ_{r ≤ k} h_r / R: the share of the relevant jobs that are listed (trec_eval's recall)."""

    k: int = 40

    def _values(self, relevance: RankedRelevance) -> Floats:
        return _find_hits(relevance, self.k).sum(axis=1) / np.maximum(relevance.n_relevant, 1)


@dataclass(frozen=True)
class Precision(Metric):
    """Σ_{r ≤ k} h_r / k. The divisor is k even if the list is shorter (trec_eval's P)."""

    k: int = 10

    def _values(self, relevance: RankedRelevance) -> Floats:
        return _find_hits(relevance, self.k).sum(axis=1) / self.k


@dataclass(frozen=True)
class MRR(Metric):
    """1 / rank of the first relevant job, 0 if the first k contain none. Its mean is the mean reciprocal rank.

    Equals trec_eval's recip_rank of lists that end at rank k. Voorhees, The TREC-8 question answering track report,
    1999.
    """

    k: int = 40

    def _values(self, relevance: RankedRelevance) -> Floats:
        hits = _find_hits(relevance, self.k)
        return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0.0)


@dataclass(frozen=True)
class MAP(Metric):
    """Average precision: Σ_{r ≤ k} h_r · (Σ_{s ≤ r} h_s / r) / R. Its mean is the mean average precision.

    The divisor is R even if R > k, as in trec_eval's map_cut. Buckley & Voorhees, Retrieval system
    evaluation, in TREC: experiment and evaluation in information retrieval, 2005.
    """

    k: int = 40

    def _values(self, relevance: RankedRelevance) -> Floats:
        hits = _find_hits(relevance, self.k)
        precision = np.cumsum(hits, axis=1, dtype=np.float64) / np.arange(1, hits.shape[1] + 1)
        return (precision * hits).sum(axis=1) / np.maximum(relevance.n_relevant, 1)


@dataclass(frozen=True)
class HitRate(Metric):
    """1 if any of the first k jobs is relevant, else 0 (trec_eval's success)."""

    k: int = 40

    def _values(self, relevance: RankedRelevance) -> Floats:
        return np.asarray(_find_hits(relevance, self.k).any(axis=1), dtype=np.float64)


DEFAULT_METRICS: Final[tuple[Metric, ...]] = (NDCG(), Recall(), Precision(), MRR(), MAP(), HitRate())
"""Metrics that an evaluation computes by default."""


def compute_mean(values: ArrayLike, measure: str) -> float:
    """Return the mean over the users who have a value. Error messages contain the name of the measure.

    Raises
    ------
    ConfigurationError: If every value is NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    known = values[~np.isnan(values)]
    if not len(known):
        raise ConfigurationError(
            f"{measure} has no mean, because none of the {len(values):,} users has a value. Add users with a relevant "
            "job or, for a property of lists such as mean wage, with a listed job that has this property.",
            key=("values",),
        )
    return float(known.mean())


def _find_hits(relevance: RankedRelevance, k: int) -> Bools:
    """Return (n, ≤ k) whether the job at each rank is relevant; False at later ranks."""
    return relevance.gains[:, :k] > 0
