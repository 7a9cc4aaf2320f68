"""Mean wages by area, with which the hourly equivalent of a job is compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from scoring.array_types import Bools, Floats
from scoring.dataset.arrays import JobArrays

__all__ = ["MIN_JOBS_PER_AREA", "AreaMeans"]

MIN_JOBS_PER_AREA = 30
"""If fewer open jobs of an area have a known wage, the next larger area is used."""


@dataclass(frozen=True)
class AreaMeans:
    """Mean hourly equivalent by (prefecture, major occupation), by prefecture, and of all open jobs.

    Each mean comes with the number of open jobs that it was computed from. The last row and column of a table are
    for unknown codes; their count is 0.
    """

    by_major: Floats  # (n_prefectures + 1, n_majors + 1)
    by_major_count: NDArray[np.int64]
    by_prefecture: Floats  # (n_prefectures + 1,)
    by_prefecture_count: NDArray[np.int64]
    overall: float  # NaN if no open job has a known wage
    overall_count: int

    @classmethod
    def compute(cls, jobs: JobArrays, open_jobs: Bools, n_prefectures: int, n_majors: int) -> Self:
        """Return the means. Pass the jobs in order of job_id: then sums do not depend on the order of the source."""
        counted = open_jobs & np.isfinite(jobs.hourly)
        wage = jobs.hourly[counted]
        prefecture, major = jobs.prefecture[counted], jobs.major[counted]
        shape = (n_prefectures + 1, n_majors + 1)
        known = prefecture >= 0
        by_prefecture = _compute_sums(prefecture[known], wage[known], shape[0])
        both = known & (major >= 0)
        by_major = _compute_sums(prefecture[both] * np.int64(shape[1]) + major[both], wage[both], shape[0] * shape[1])
        sums = _compute_sums(np.zeros(len(wage), dtype=np.int64), wage, 1)
        return cls(
            by_major=_compute_means(*by_major).reshape(shape),
            by_major_count=by_major[1].reshape(shape),
            by_prefecture=_compute_means(*by_prefecture),
            by_prefecture_count=by_prefecture[1],
            overall=float(_compute_means(*sums)[0]),
            overall_count=int(sums[1][0]),
        )

    def of(self, jobs: JobArrays) -> tuple[Floats, NDArray[np.int64], NDArray[np.int8]]:
        """Return the mean for each job (n,), the number of jobs that it was computed from, and the level.

        Level 2 is prefecture and major occupation, 1 prefecture, 0 all jobs. The mean is NaN where none exists.
        """
        return self.find(jobs.prefecture, jobs.major)

    def find(
        self, prefecture: NDArray[np.integer], major: NDArray[np.integer]
    ) -> tuple[Floats, NDArray[np.int64], NDArray[np.int8]]:
        """Return `of` jobs with these codes of their prefectures and major groups, (n,) each."""
        prefecture = np.where(prefecture < len(self.by_prefecture) - 1, prefecture, -1)
        major = np.where(major < self.by_major.shape[1] - 1, major, -1)
        mean, count, level = self._of_codes
        return mean[prefecture, major], count[prefecture, major], level[prefecture, major]

    @cached_property
    def _of_codes(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.int8]]:
        """The mean, the number of jobs, and the level by prefecture and major group, as of `of`.

        A single job is then found in a fifth of the time.
        """
        prefecture, major = np.indices(self.by_major.shape)
        is_known = prefecture < len(self.by_prefecture) - 1
        count_2, count_1 = self.by_major_count, self.by_prefecture_count[prefecture]
        is_major = is_known & (major < self.by_major.shape[1] - 1) & (count_2 >= MIN_JOBS_PER_AREA)
        is_prefecture = is_known & (count_1 >= MIN_JOBS_PER_AREA)
        of_prefecture = np.where(is_prefecture, self.by_prefecture[prefecture], self.overall)
        n_of_prefecture = np.where(is_prefecture, count_1, self.overall_count)
        return (
            np.where(is_major, self.by_major, of_prefecture),
            np.where(is_major, count_2, n_of_prefecture),
            np.where(is_major, 2, is_prefecture).astype(np.int8),
        )


def _compute_sums(code: NDArray[np.integer], wage: Floats, size: int) -> tuple[Floats, NDArray[np.int64]]:
    sums: Floats = np.bincount(code, wage, minlength=size).astype(np.float64)
    return sums, np.bincount(code, minlength=size).astype(np.int64)


def _compute_means(sums: Floats, counts: NDArray[np.int64]) -> Floats:
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
