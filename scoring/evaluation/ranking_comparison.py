"""Effect of a model change on the lists: overlap, movements of jobs, and changes of exposure.

comparison = Comparison.of(prepared, prepared.with_model(other))
comparison                      # mean overlap, RBO, share of changed lists
comparison.movements(user_id)   # ▲3 ▼2 new out, per job
comparison.exposure("company")  # list places gained and lost
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_level, check_list_length
from scoring.array_types import Bools, Ints
from scoring.columns.id_arguments import list_ids
from scoring.dataset.row_lookup import IdList
from scoring.errors import ConfigurationError, UnknownIdError, make_printable, pluralize
from scoring.evaluation.beyond_accuracy_metrics import ListFacts, UserFact
from scoring.evaluation.exposure_changes import JobAttribute, JobPlaces, compare_places, name_attribute, plot_exposure
from scoring.evaluation.measure_info import (
    LIST_MEASURES,
    PRICE_SHARE,
    compute_relative_change,
    find_good_sign,
    is_price,
)
from scoring.id_index import IdIndex
from scoring.model import Inputs
from scoring.plotting import BLACK, BLUE, GREY, SMALL, VERMILION, create_grid, draw_bars
from scoring.ranking import Prepared, Ranking, list_overlap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "movements"]

_MEASURED_JOBS: Final = 40
"""Number of jobs of each list that `Comparison.measures` considers, as evaluations do."""

BARS = 41
"""Maximum number of bars of a histogram: one for each share of a list of 40."""


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two lists of each of n users. Row r of both rankings belongs to the same user.

    Example
    -------
    >>> bolder = model.with_weights({"location": 0.5, "category": 0.3, "wage": 0.2})
    >>> comparison = Comparison.of(ready, ready.with_model(bolder), k=10)
    >>> 0 <= comparison.mean_overlap <= 1
    True
    """

    before: Ranking
    after: Ranking
    inputs: Inputs
    names: tuple[str, str] = ("before", "after")
    p: float = 0.9
    """Persistence of rank-biased overlap; a larger p weights deeper ranks more. See `list_overlap`."""
    eligible: Bools | None = None
    """(m,) jobs that the rules of either side allow in some list, for `measures`; None: unknown, all jobs count.

    Listed jobs also count: a job may have been closed since a list was made.
    """

    @classmethod
    def of(
        cls,
        before: Prepared,
        after: Prepared,
        k: int = 40,
        users: IdList | None = None,
        *,
        p: float = 0.9,
        names: tuple[str, str] | None = None,
    ) -> Self:
        """Return the comparison of the top k of two models on the same data.

        Parameters
        ----------
        before, after: The two models.
        k: Length of the lists.
        users: Numbers or external ids of users; None: the active users.
        p: Persistence of rank-biased overlap.
        names: Labels of the two models; None: the models' names.

        Raises
        ------
        ConfigurationError: If the data differ or there are no users.
        UnknownIdError: If a user is not in the data.
        """
        k, p = check_list_length(k), check_level(p, "p")
        require_same_data(before, after)
        if names is None:
            models = before.model.name, after.model.name
            names = models if models[0] != models[1] else ("before", "after")
        users = None if users is None else list_ids(users)  # read twice
        rankings = before.top_k(k, users), after.top_k(k, users)
        eligible = before.plan.exclusions.open_to_all | after.plan.exclusions.open_to_all
        return cls.of_rankings(*rankings, after.inputs, p=p, names=names, eligible=eligible)

    @classmethod
    def of_rankings(
        cls,
        before: Ranking,
        after: Ranking,
        inputs: Inputs,
        *,
        k: int | None = None,
        p: float = 0.9,
        names: tuple[str, str] = ("before", "after"),
        eligible: Bools | None = None,
    ) -> Self:
        """Return the comparison of two rankings, cut to the first k (None: not cut), users in the order of `before`.

        Raises
        ------
        ConfigurationError: If the users differ or there are no users.
        """
        if not len(before.user_id):
            raise ConfigurationError("There are no users to compare. Give at least one user.", key=("users",))
        after, p = _in_order_of(before, after), check_level(p, "p")
        if k is not None:
            before, after = before.cut(k), after.cut(k)
        return cls(before, after, inputs, names, p, eligible)

    def __repr__(self) -> str:
        return (
            f"Comparison({self.names[0]} → {self.names[1]}, {len(self.before.user_id):,} users: overlap "
            f"{self.mean_overlap:.1%}, RBO {self.mean_rbo:.3f}, {self.share_changed:.1%} of the lists changed, first "
            f"job changed in {self.share_first_changed:.1%})"
        )

    def _repr_html_(self) -> str:
        return str(self.summary()._repr_html_())  # type: ignore[operator]

    @cached_property
    def place(self) -> Ints:
        """(n, k) place before, from 0, of each job listed after; `list_overlap.NOT_LISTED` for a new job."""
        return _find_places(self.before, self.after)

    @cached_property
    def _users(self) -> pd.DataFrame:
        before, after, place = self.before, self.after, self.place
        counts = before.count, after.count
        frame = pd.DataFrame(
            {
                "user_id": before.user_id,
                "overlap": list_overlap.overlap(place, *counts),
                "new": list_overlap.new_share(place, after.count),
                "rbo": list_overlap.rank_biased_overlap(place, *counts, self.p),
                "changed": ~list_overlap.are_equal(place, *counts),
                "first_changed": list_overlap.first_differs(place, *counts),
                "jobs_before": before.count,
                "jobs_after": after.count,
            }
        )
        return self.inputs.external_ids.add_columns(frame)

    def frame(self) -> pd.DataFrame:
        """Return one row per user.

        Columns: user_id · overlap, new (shares) · rbo · changed · first_changed · jobs_before · jobs_after.
        """
        return self._users.copy()

    @property
    def mean_overlap(self) -> float:
        """Share of a list's jobs that the other list also contains, averaged over users."""
        return float(self._users["overlap"].mean())

    @property
    def mean_rbo(self) -> float:
        return float(self._users["rbo"].mean())

    @property
    def share_changed(self) -> float:
        """Share of users whose list changed in its jobs or their order."""
        return float(self._users["changed"].mean())

    @property
    def share_first_changed(self) -> float:
        """Share of users whose first job changed."""
        return float(self._users["first_changed"].mean())

    def summary(self) -> pd.DataFrame:
        """Return a table of measure → value."""
        values = {
            "users": len(self.before.user_id),
            "jobs in both lists, mean share": self.mean_overlap,
            "new jobs, mean share": float(self._users["new"].mean()),
            f"rank-biased overlap (p = {self.p:g}), mean": self.mean_rbo,
            "users whose list changed, share": self.share_changed,
            "users whose first job changed, share": self.share_first_changed,
        }
        return pd.DataFrame({"value": pd.Series(values, dtype="float64")}).rename_axis("measure")

    @cached_property
    def counted_jobs(self) -> Bools:
        """(m,) the jobs of which coverage is a share: the eligible and the listed ones, or all jobs."""
        if self.eligible is None:
            return np.ones(len(self.inputs.jobs), dtype=bool)
        counted = self.eligible.copy()
        for ranking in (self.before, self.after):
            counted[ranking.job_row[ranking.job_row >= 0]] = True
        return counted

    def measures(self) -> pd.DataFrame:
        """Return one row per property of the lists, with its value on both sides and the difference.

        Columns: measure · before · after · difference · relative (the difference as a share of before). Means are over
        the users with a value on both sides. Only the first 40 jobs of each list are used. There are no intervals: the
        lists are compared, not their effect on users.
        """
        k = min(_MEASURED_JOBS, self.before.job_row.shape[1], self.after.job_row.shape[1])
        if not k:
            return pd.DataFrame(columns=["measure", "before", "after", "difference", "relative"])
        facts = ListFacts.of(self.inputs, self.counted_jobs)
        rows = []
        for measure in (kind(k) for kind in LIST_MEASURES):
            if isinstance(measure, UserFact):
                a, b = (measure.of(ranking, facts) for ranking in (self.before, self.after))
                known = ~(np.isnan(a) | np.isnan(b))
                first, second = (float(values[known].mean()) if known.any() else np.nan for values in (a, b))
            else:
                first, second = (measure.of(ranking, facts).value for ranking in (self.before, self.after))
            change = second - first
            rows.append((measure.name, first, second, change, compute_relative_change(change, first)))
        return pd.DataFrame(rows, columns=["measure", "before", "after", "difference", "relative"])

    def movements(self, user_id: int | str | None = None) -> pd.DataFrame:
        """Return `movements` of one user, by number or external id, or of all users (None).

        If users or jobs have external ids, `user_external_id` and `job_external_id` follow.

        Raises
        ------
        UnknownIdError: If the user is not in the comparison.
        """
        if user_id is None:
            return self.inputs.external_ids.add_columns(movements(self.before, self.after))
        number = int(self.inputs.user_lookup.to_numbers([user_id])[0])
        rows = np.flatnonzero(self.before.user_id == number)
        if not len(rows):
            raise UnknownIdError(
                f"User {make_printable(str(user_id))} is not among the {len(self.before.user_id):,} compared users. "
                "Use an id from before.user_id, or add this user to both rankings.",
                kind="user",
                unknown_id=user_id,
            )
        found = movements(self.before.take(rows), self.after.take(rows))
        return self.inputs.external_ids.add_columns(found)

    def exposure(self, by: str | JobAttribute = "company") -> pd.DataFrame:
        """Return `compute_exposure_changes` of the two rankings.

        `by` may be an attribute of these inputs that was read before: reading companies takes longer than counting.
        """
        attribute = JobAttribute.of(self.inputs, by) if isinstance(by, str) else by
        return compare_places(*self._places, attribute)

    @cached_property
    def _places(self) -> tuple[JobPlaces, JobPlaces]:
        return JobPlaces.of(self.before, self.inputs), JobPlaces.of(self.after, self.inputs)

    def plot(self, by: str = "company", most: int = 8) -> Figure:
        """Plot the users' overlaps, the `most` largest gains and losses of places, and the changes of `measures`."""
        # the companies, which have the longest names, fill the right half; the other two are on the left
        figure, (left, right, properties, empty) = create_grid(11, 6.4, 2, 2)
        right.set_subplotspec(right.get_gridspec()[:, 1])
        empty.remove()
        overlaps = 100 * self._users["overlap"]
        k = max(self.before.job_id.shape[1], self.after.job_id.shape[1], 1)
        step = -(-(k + 1) // BARS)  # the number of shares 0/k, 1/k … per bar
        left.hist(overlaps, bins=100 * (np.arange(0, k + 1 + step, step) - 0.5) / k, color=BLUE)
        left.axvline(overlaps.mean(), color=BLACK, linestyle="--", label=f"mean {overlaps.mean():.1f}%")
        left.set_xlim(-60 / k, 100 + 60 / k)
        left.set_xlabel("share of a list's jobs that both lists contain, %")
        left.set_ylabel("users")
        changed = f"{self.share_changed:.0%} changed, first job in {self.share_first_changed:.0%}"
        left.set_title(f"Lists of {len(overlaps):,} users: {changed}", loc="left", fontsize=10)
        left.legend(fontsize=SMALL, frameon=False)
        plot_exposure(right, self.exposure(by), name_attribute(by, self.inputs.board), most)
        self._plot_measures(properties)
        return figure

    def _plot_measures(self, axes: Any) -> None:
        """Draw the relative change of each property of the lists; those that become much worse have another colour."""
        changes = self.measures()
        changes = changes[np.isfinite(changes["relative"].astype(float))]
        arrows = {1: " ↑", -1: " ↓", 0: ""}
        is_worse = [
            is_price(name, change) for name, change in zip(changes["measure"], changes["relative"], strict=True)
        ]
        percent = [100 * change for change in changes["relative"]]
        draw_bars(
            axes,
            [name + arrows[find_good_sign(name)] for name in changes["measure"]],
            percent,
            [f"{value:+.0f}%" for value in percent],
            [VERMILION if worse else GREY for worse in is_worse],
        )
        axes.axvline(0, color=BLACK, linewidth=0.8)
        axes.set_xlabel(f"change in % (red: worse by more than {PRICE_SHARE:.0%})")
        axes.set_title("Properties of the lists", loc="left", fontsize=10)


def require_same_data(before: Prepared, after: Prepared) -> None:
    """Check that two models were prepared on the same data with the same basis.

    Raises
    ------
    ConfigurationError: If the data or the bases differ.
    """
    if not before.inputs.has_same_data(after.inputs):
        raise ConfigurationError(
            "The two models were prepared on different data. Prepare both on one dataset, or compare the lists of two "
            "runs with `Comparison.of_rankings`.",
            key=("after",),
        )


def movements(before: Ranking, after: Ranking) -> pd.DataFrame:
    """Return one row per user and job of either list: the list after in its order, then the removed jobs.

    Columns: user_id · job_id · rank_before (from 1; NA: not listed before) · rank_after (NA: removed) · moved (places
    up; NA for new and removed jobs) · label (▲3, ▼2, =, new, out). Users are in the order of `before`.

    Raises
    ------
    ConfigurationError: If the users differ.
    """
    after = _in_order_of(before, after)
    place, back = _find_places(before, after), _find_places(after, before)
    is_job = list_overlap.mask_listed(after.job_id.shape[1], after.count)
    is_removed = list_overlap.mask_listed(before.job_id.shape[1], before.count) & (back < 0)
    row, column = (np.concatenate(parts) for parts in zip(np.nonzero(is_job), np.nonzero(is_removed), strict=True))
    is_out = np.arange(len(row)) >= is_job.sum()
    order = np.lexsort((column, is_out, row))
    rank_after = np.where(is_out, 0, column + 1)
    rank_before = np.concatenate([place[is_job] + 1, column[is_out] + 1])
    return pd.DataFrame(
        {
            "user_id": before.user_id[row],
            "job_id": np.concatenate([after.job_id[is_job], before.job_id[is_removed]]),
            "rank_before": _mask_missing(rank_before, rank_before > 0),
            "rank_after": _mask_missing(rank_after, ~is_out),
            "moved": _mask_missing(rank_before - rank_after, (rank_before > 0) & ~is_out),
            "label": _label_ranks(rank_before, rank_after),
        }
    ).iloc[order].reset_index(drop=True)  # fmt: skip


def _label_ranks(before: NDArray[np.int64], after: NDArray[np.int64]) -> pd.Series:
    """Return (n,) labels for ranks from 1; rank 0 means not listed."""
    most = int(max(before.max(initial=0), after.max(initial=0)))
    words = [f"▼{-up}" if up < 0 else f"▲{up}" if up else "=" for up in range(-most, most + 1)] + ["new", "out"]
    code = np.where(before == 0, len(words) - 2, np.where(after == 0, len(words) - 1, before - after + most))
    return pd.Series(np.array(words, dtype=object)[code], dtype="str")


def _mask_missing(values: NDArray[np.int64], known: NDArray[np.bool_]) -> pd.Series:
    return pd.Series(pd.arrays.IntegerArray(values.astype(np.int32), ~known))


def _find_places(before: Ranking, after: Ranking) -> Ints:
    return list_overlap.find_places(before.job_id, before.count, after.job_id, after.count)


def _in_order_of(before: Ranking, after: Ranking) -> Ranking:
    """Return `after` with its users in the order of `before`; raise ConfigurationError if the users differ."""
    if np.array_equal(before.user_id, after.user_id) and len(np.unique(before.user_id)) == len(before.user_id):
        return after
    for ranking in (before, after):
        ids, count = np.unique(ranking.user_id, return_counts=True)
        if (count > 1).any():
            raise ConfigurationError(
                f"Duplicate user {ids[count > 1][0]} in a ranking. Rank each user once.", key=("user_id",)
            )
    unpaired = np.setxor1d(before.user_id, after.user_id)
    if len(unpaired):
        raise ConfigurationError(
            f"The two rankings have different users: {pluralize(len(unpaired), 'user')} in only one of them, such as "
            f"user {unpaired[0]}. Rank the same users.",
            key=("after",),
        )
    return after.take(IdIndex(after.user_id).find(before.user_id)[0])
