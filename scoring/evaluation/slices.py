"""Slices: metrics by group of users. An overall mean may rise while it falls for some groups."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from scoring.argument_checks import check_days, check_integer, check_positive_integer
from scoring.array_types import Bools, Floats, Longs
from scoring.dataset.arrays import DAY, to_microseconds
from scoring.errors import ConfigurationError, UnknownIdError, shorten_repr, suggest
from scoring.evaluation.significance import Resamples, adjust_holm
from scoring.model import Inputs
from scoring.validation.frame_library_conversion import to_pandas_frame

__all__ = [
    "FEWEST_USERS",
    "SLICINGS",
    "UNKNOWN",
    "RowGroups",
    "Slicing",
    "check_slice_column",
    "compare_slices",
    "compute_slice_means",
    "group_rows",
    "make_slicings",
    "mark_slices",
    "slice_by",
    "slices_of",
]

SLICINGS = ("region", "age group", "tenure", "occupation")
"""Names of the slicings of `make_slicings`."""
OTHER = "other"
"""Label of the slice of all values beyond the most frequent ones."""
UNKNOWN = "unknown"
"""Label of the slice of users without a label. It is the last slice."""
_IDS = ("user_id", "external_id")
"""Columns that identify users. Labels of slices are written to files and printed."""
FEWEST_USERS = 30
"""Minimum number of users with a value for a test. Intervals of smaller slices would be too narrow."""


@dataclass(frozen=True, repr=False)
class Slicing:
    """Assignment of each of n users to one or more of a few ordered slices."""

    name: str
    user_id: Longs  # (n,)
    masks: Bools  # (slices, n) whether each user is in each slice
    labels: tuple[str, ...]

    @classmethod
    def of(cls, name: str, user_id: Longs, label: Sequence[str | None], order: Sequence[str] | None = None) -> Self:
        """Return the slicing of (n,) users by (n,) labels. A missing label becomes `UNKNOWN`.

        Slices are sorted by `order`; None: by label, with the numbers in labels compared by value.

        Raises
        ------
        ConfigurationError: If the number of labels differs from the number of users, or `order` lacks a label.
        """
        if len(label) != len(user_id):
            raise ConfigurationError(
                f"{name}: {len(label):,} labels for {len(user_id):,} users. Give one label per user.", key=("label",)
            )
        column = pd.Series(list(label), dtype="str").fillna(UNKNOWN)
        used = set(column.unique().tolist())
        known = (
            sorted(used - {UNKNOWN}, key=_make_natural_key)
            if order is None
            else [label for label in order if label in used]
        )
        missing = used - {UNKNOWN, *known}
        if missing:
            raise ConfigurationError(
                f"{name}: order does not contain the label {min(missing)!r}. Add it.", key=("order",)
            )
        labels = (*(text for text in known if text != UNKNOWN), *([UNKNOWN] if UNKNOWN in used else []))
        code = pd.Index(labels, dtype="str").get_indexer(pd.Index(column))
        return cls(name, user_id, code == np.arange(len(labels))[:, None], labels)

    def __repr__(self) -> str:
        return f"Slicing({self.name}: {', '.join(self.labels)}; {len(self.user_id):,} users)"

    @property
    def overlaps(self) -> bool:
        """Whether a user is in several slices."""
        return bool((self.masks.sum(axis=0) > 1).any())

    def of_users(self, user_id: NDArray[np.integer]) -> Self:
        """Return the slicing of these users, in this order.

        Raises
        ------
        UnknownIdError: If a user is not in the slicing.
        """
        place = pd.Index(self.user_id).get_indexer(pd.Index(user_id))
        if (place < 0).any():
            raise UnknownIdError(
                f"User {user_id[np.argmin(place)]} is not in the slicing {self.name}. Create a slicing that contains "
                "all of these users.",
                kind="user",
                unknown_id=int(user_id[np.argmin(place)]),
            )
        return replace(self, user_id=np.asarray(user_id, dtype=np.int64), masks=self.masks[:, place])

    def frame(self) -> pd.DataFrame:
        """Return one row per slice, with the columns slice and n (users)."""
        return pd.DataFrame({"slice": self.labels, "n": self.masks.sum(axis=1)})


def make_slicings(
    inputs: Inputs, *, newcomer_days: int | timedelta = 30, newcomer_actions: int = 5
) -> tuple[Slicing, ...]:
    """Return the slicings of the inputs' users by region, age group, tenure and occupation group.

    - region: region of the user's prefecture, in the order of the prefectures table
    - age group: the user's age group
    - tenure: a newcomer registered in the last `newcomer_days` days before the clock, or has fewer than
      `newcomer_actions` actions up to the clock; all other users are regular
    - occupation: major group of the first preferred occupation, named by the occupation with the group's code; if the
      table has no such name, by the code and the first occupation of the group

    A slicing of which nothing is known is left out.

    Raises
    ------
    ConfigurationError: If one of the two numbers is not a whole number of 0 or more.

    Example
    -------
    >>> [slicing.name for slicing in make_slicings(ready.inputs)]
    ['region', 'age group', 'tenure', 'occupation']
    """
    newcomer_days = check_days("newcomer_days", newcomer_days)
    newcomer_actions = check_integer("newcomer_actions", newcomer_actions, 0)
    users, ids = inputs.users, inputs.users.user_id
    regions = inputs.dataset.tables.prefectures.set_index("prefecture_code")["region"]
    region = users.frame["prefecture_code"].map(regions)
    order = regions.dropna().unique().tolist()

    registered = to_microseconds(users.frame["registered_at"])  # a missing time sorts before all others
    new = (registered >= inputs.now - newcomer_days * DAY) | (inputs.history.counts < newcomer_actions)
    slicings = (
        Slicing.of("region", ids, region.tolist(), order),
        Slicing.of("age group", ids, users.frame["age_group"].tolist()),
        Slicing.of("tenure", ids, np.where(new, "newcomer", "regular").tolist(), ("newcomer", "regular")),
        Slicing.of("occupation", ids, _find_occupation_groups(inputs)),
    )
    return tuple(slicing for slicing in slicings if slicing.labels != (UNKNOWN,))


def slices_of(inputs: Inputs, *, newcomer_days: int | timedelta = 30, newcomer_actions: int = 5) -> tuple[Slicing, ...]:
    """Return `make_slicings(…)`. Deprecated since 0.2: use `make_slicings`."""
    warnings.warn("slices_of was renamed. Use make_slicings.", DeprecationWarning, stacklevel=2)
    return make_slicings(inputs, newcomer_days=newcomer_days, newcomer_actions=newcomer_actions)


class _IdentifyingColumnError(ConfigurationError):
    """Slices by a column would contain one user or job each, and name it."""

    def __init__(self, column: str, rows: str = "users") -> None:
        super().__init__(
            f"Column {column!r} identifies {rows}, and slices name its values. Use a column with groups of {rows}.",
            key=(column,),
        )


def check_slice_column(column: str) -> None:
    """Raise ConfigurationError if a column contains ids of users, or is not a name."""
    if not isinstance(column, str):
        raise ConfigurationError(f"column is {shorten_repr(column)}. Use the name of a column.", key=("column",))
    if column in _IDS:
        raise _IdentifyingColumnError(column)


def slice_by(
    users: pd.DataFrame,
    column: str,
    *,
    name: str | None = None,
    n_groups: int = 4,
    most: int = 12,
    labels: Mapping[Any, str] | None = None,
) -> Slicing:
    """Return the slicing of users by a column.

    Numbers and times are cut into groups of about equal size; up to `n_groups` distinct numbers are a slice each. Other
    values are a slice each. Values beyond the `most` most frequent ones form the slice "other", missing values
    the slice "unknown". By a column of lists, a user is in the slice of each value of the list.

    Parameters
    ----------
    users: A frame with the columns user_id and `column`, such as `data.tables.users` or a frame of your own.
    name: Name of the slicing; None: the name of the column.
    n_groups: Number of groups of numbers or times.
    most: Maximum number of slices of other values.
    labels: Value → label; a value without a label is its own label.

    Raises
    ------
    ConfigurationError: If a column is missing or identifies users, or `n_groups` or `most` is not a whole number
        above 0.
    """
    n_groups, most = check_positive_integer("n_groups", n_groups), check_positive_integer("most", most)
    users = to_pandas_frame(users, "users")
    check_slice_column(column)
    for needed in ("user_id", column):
        if needed not in users.columns:
            known = [str(existing) for existing in users.columns if existing != "user_id"]
            raise ConfigurationError(
                f"The users have no column {needed!r}. {suggest(str(needed), known)}", key=(str(needed),)
            )
    values = users[column]
    ids = users["user_id"].to_numpy(np.int64)
    groups = group_rows(values, "users", n_groups=n_groups, most=most, labels=labels)
    return Slicing(column if name is None else name, ids, groups.masks, groups.labels)


class RowGroups(NamedTuple):
    """The groups of n rows as pairs of a row and a group. A row of a list is in the group of each of its values."""

    row: Longs  # (pairs,)
    code: Longs  # (pairs,) index in `labels`
    labels: tuple[str, ...]  # in order; `UNKNOWN` is the last one if values are missing
    n_rows: int

    @property
    def masks(self) -> Bools:
        """(groups, n_rows) whether each row is in each group."""
        masks = np.zeros((len(self.labels), self.n_rows), dtype=bool)
        masks[self.code, self.row] = True
        return masks


def group_rows(
    values: pd.Series,
    rows: str,
    *,
    n_groups: int = 4,
    most: int = 12,
    labels: Mapping[Any, str] | None = None,
) -> RowGroups:
    """Return the groups of the rows of a column of single values or of lists.

    Groups and parameters are as in `slice_by`. `rows` are users or jobs.

    Raises
    ------
    ConfigurationError: If the column has more than `most` values, and each in one row.
    """
    single = values.reset_index(drop=True)
    if _has_lists(values):
        single = single.explode()
        is_repeated = pd.DataFrame({"row": single.index, "value": single.to_numpy()}).duplicated().to_numpy()
        single = single[~is_repeated]
    group, order = _group_values(single, rows, n_groups=n_groups, most=most, labels=labels)
    known = [label for label in order if label != UNKNOWN]
    slices = (*known, *([UNKNOWN] if None in group or UNKNOWN in order else ()))
    code = pd.Index(slices, dtype="str").get_indexer(pd.Index(pd.Series(group, dtype="str").fillna(UNKNOWN)))
    return RowGroups(single.index.to_numpy(np.int64), code.astype(np.int64), slices, len(values))


def _has_lists(values: pd.Series) -> bool:
    return any(isinstance(value, list | tuple | np.ndarray) for value in values.dropna().head(100))


def _group_values(
    values: pd.Series,
    rows: str,
    *,
    n_groups: int = 4,
    most: int = 12,
    labels: Mapping[Any, str] | None = None,
) -> tuple[list[str | None], list[str]]:
    """Return (n,) the group of each value of a column, and the groups in order. Missing values have no group."""
    if pd.api.types.is_bool_dtype(values.dtype):
        values = values.map({True: "yes", False: "no"})
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _group_by_quantile(values, n_groups)
    counts = values.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    if len(counts) > most and counts.iloc[0] == 1:
        raise _IdentifyingColumnError(str(values.name), rows)
    frequent = counts.index[:most]
    text = {value: str(value if labels is None else labels.get(value, value)) for value in frequent}
    is_beyond = (values.notna() & ~values.isin(frequent)).to_numpy(dtype=bool)
    group = [OTHER if beyond else text.get(value) for value, beyond in zip(values, is_beyond, strict=True)]
    known = sorted({found for found in group if found is not None and found != OTHER}, key=_make_natural_key)
    return group, [*known, *([OTHER] if OTHER in group else [])]


def _group_by_quantile(values: pd.Series, n_groups: int) -> tuple[list[str | None], list[str]]:
    """Return (n,) the group of each number or time, and the groups in order. Groups are named by their range."""
    is_time = pd.api.types.is_datetime64_any_dtype(values.dtype)
    distinct = values.dropna().unique()
    if len(distinct) <= n_groups:
        code = pd.Series(pd.Categorical(values, sorted(distinct), ordered=True).codes, index=values.index)
    else:
        quantiles = pd.qcut(values, n_groups, labels=False, duplicates="drop")
        code = pd.Series(quantiles, index=values.index).fillna(-1).astype("int64")
    order = []
    for group in range(int(code.max()) + 1):
        members = values[code == group]
        ends = [f"{end:%Y-%m-%d}" if is_time else _format_end(end) for end in (members.min(), members.max())]
        label = " to ".join(dict.fromkeys(ends))
        order.append(label if label not in order else f"{members.min()} to {members.max()}")
    return [order[group] if group >= 0 else None for group in code], order


def _format_end(end: float) -> str:
    """Return a number with separators of thousands from 10,000 on, so that years have none."""
    return format(end, ",.10g" if abs(end) >= 10_000 else ".10g")


def _find_occupation_groups(inputs: Inputs) -> list[str | None]:
    """Return (n,) the group of each user's first preferred occupation; None if unknown."""
    preferred, words = inputs.users.preferred, inputs.words
    group = np.full(len(preferred), -1, dtype=np.int32)
    has_preference = preferred.lengths > 0
    group[has_preference] = inputs.majors[preferred.values[preferred.start[:-1][has_preference]]]
    occupations = inputs.dataset.tables.occupations
    named = occupations.dropna(subset=["name", "major_code"]).sort_values("occupation_code")
    names = named.set_index("occupation_code")["name"].to_dict()
    members = named.groupby("major_code")["name"].agg(list).to_dict()
    labels = [names.get(int(code)) or _name_group(int(code), members.get(int(code), [])) for code in words.major.values]
    return [labels[code] if code >= 0 else None for code in group]


def _name_group(code: int, occupations: Sequence[str]) -> str:
    """Return the label of a group without a name: `100 cook …`, for a group of cooks and other occupations."""
    return " ".join([str(code), *occupations[:1], *(["…"] if len(occupations) > 1 else [])])


def _make_natural_key(label: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key for natural sorting: 5 before 18-24 before 25."""
    parts = re.findall(r"[0-9]+|[^0-9]+", label)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def compute_slice_means(values_by_metric: Mapping[str, ArrayLike], slicing: Slicing) -> pd.DataFrame:
    """Return one row per metric and slice, for metrics' (n,) values in the slicing's order of users.

    Columns: metric · slicing · slice · n (users with a value) · n_left_out (users without) · mean (NaN if n is 0).

    Raises
    ------
    ConfigurationError: If a metric's number of values differs from the number of users.
    """
    rows = []
    for metric, values in _collect_columns(values_by_metric, len(slicing.user_id)).items():
        for label, mask in zip(slicing.labels, slicing.masks, strict=True):
            known = values[mask & ~np.isnan(values)]
            mean = known.mean() if len(known) else np.nan
            rows.append((metric, slicing.name, label, len(known), int(mask.sum()) - len(known), mean))
    return pd.DataFrame(rows, columns=["metric", "slicing", "slice", "n", "n_left_out", "mean"])


def compare_slices(
    a: Mapping[str, ArrayLike],
    b: Mapping[str, ArrayLike],
    slicing: Slicing | Sequence[Slicing],
    resamples: Resamples,
    *,
    level: float = 0.95,
    fewest: int = FEWEST_USERS,
) -> pd.DataFrame:
    """Return the differences between b and a, one row per metric and slice. Higher metrics are better.

    Columns: metric · slicing · slice · n (users with both values) · n_left_out · mean_a · mean_b · difference (b - a) ·
    low · high · p · p_holm · tested · worse · better. `p_holm` is corrected over all tested rows. `worse` and `better`
    mark rows in which b is significantly below or above a by `p_holm`, at 1 - level. Slices with n below `fewest` are
    shown without a test.

    `a`, `b`, the slicing and the resamples must be of the same users in the same order.

    Raises
    ------
    ConfigurationError: If a and b have different metrics, numbers of values or users do not match, or there is no
        slicing.
    """
    slicings = (slicing,) if isinstance(slicing, Slicing) else tuple(slicing)
    _require_same(slicings, resamples)
    if list(a) != list(b) or not a:
        names = [", ".join(values) or "none" for values in (a, b)]
        raise ConfigurationError(
            f"The metrics of a are {names[0]}; those of b are {names[1]}. Give at least one metric, and the same "
            "metrics in the same order in both.",
            key=("a", "b"),
        )
    first, second = (np.column_stack(list(_collect_columns(values, resamples.n).values())) for values in (a, b))
    masks = np.concatenate([part.masks for part in slicings])
    differences = resamples.differences(first, second, masks, level=level, least=fewest)

    places = [(part.name, label) for part in slicings for label in part.labels]
    rows = [(metric, *place) for metric in a for place in places]
    frame = pd.DataFrame(rows, columns=["metric", "slicing", "slice"])
    for column in ("n", "n_left_out", "mean_a", "mean_b", "difference", "low", "high", "p"):
        frame[column] = getattr(differences, column).T.ravel()
    return mark_slices(frame, level)


def mark_slices(frame: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return rows of slices with p_holm, tested, worse and better, as `compare_slices` describes them."""
    p_holm = adjust_holm(frame["p"].to_numpy())
    significant = p_holm <= 1 - level
    return frame.assign(
        p_holm=p_holm,
        tested=frame["p"].notna(),
        worse=significant & (frame["difference"] < 0),
        better=significant & (frame["difference"] > 0),
    )


def _collect_columns(values_by_metric: Mapping[str, ArrayLike], n: int) -> dict[str, Floats]:
    columns = {metric: np.asarray(values, dtype=np.float64) for metric, values in values_by_metric.items()}
    for metric, values in columns.items():
        if values.shape != (n,):
            raise ConfigurationError(
                f"{metric} has values of shape {values.shape}. Give one value per user ({n:,}).", key=(metric,)
            )
    return columns


def _require_same(slicings: Sequence[Slicing], resamples: Resamples) -> None:
    if not slicings:
        raise ConfigurationError(
            "No slicing is given. Give at least one, such as those that make_slicings(inputs) returns.",
            key=("slicings",),
        )
    for slicing in slicings:
        if not np.array_equal(slicing.user_id, resamples.user_id):
            raise ConfigurationError(
                f"The slicing by {slicing.name} and the resamples must have the same users in the same order. "
                "Use `slicing.of_users(resamples.user_id)`.",
                key=(slicing.name,),
            )
