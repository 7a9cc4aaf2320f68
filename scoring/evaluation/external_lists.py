"""Lists of another system, evaluated together with models."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_list_length
from scoring.array_types import Bools, Floats, Longs
from scoring.bundle.ranked_lists import SCORES, Ranking
from scoring.columns.id_arguments import is_text, parse_plain_number
from scoring.columns.series_functions import format_value
from scoring.columns.text_normalisation import normalise_value
from scoring.columns.types import INTEGER, NUMBER
from scoring.columns.types.integer import find_text_ids
from scoring.dataset import Dataset
from scoring.dataset.dataset import parse_clock
from scoring.dataset.row_lookup import RowLookup
from scoring.errors import pluralize
from scoring.evaluation.holdout import Holdout
from scoring.evaluation.list_reader import RawLists, read_frame, read_raw_lists
from scoring.id_index import IdIndex
from scoring.plan.rule_exclusions import Exclusions
from scoring.ranking.list_overlap import mask_listed
from scoring.storage.home_folder_expansion import expand_path

__all__ = ["ExternalLists", "count_first_reasons", "list_notes", "name_lists"]

_MAX_NAME: Final = 40


@dataclass(frozen=True, repr=False)
class ExternalLists:
    """Lists of another system: e entries, sorted by user, then by place in the list. Create them with `read` or `of`.

    A job may be unknown to the data. It keeps its place in the list and is not relevant.

    Example
    -------
    >>> frame = pd.DataFrame({"user": [1, 1], "job": [20, 10], "rank": [1, 2]})
    >>> lists = ExternalLists.of(frame, data, name="old")
    >>> lists.job_id.tolist()
    [20, 10]
    """

    name: str
    user_id: Longs  # (e,) users of the data, ascending
    job_id: Longs  # (e,) an unknown text id has a number that no job of the data has
    score: Floats  # (e,) descending in each list; from rank: the number of places to the end of the list
    at: pd.Timestamp | None = None
    """Clock of the data that the lists were computed from; None: not known."""
    notes: tuple[str, ...] = ()
    """Facts of the source to report with the metrics."""

    @classmethod
    def read(
        cls, path: str | Path, data: Dataset, *, name: str | None = None, at: datetime | str | None = None
    ) -> Self:
        """Return the lists of a file, or of the folder of a published run.

        Formats: Parquet or CSV with the columns of `list_reader.ALIASES`; TREC run (.trec, .run, .txt); ranx run
        (.json). Jobs are ordered by rank, or by score without a rank. Equal scores are ordered as in trec_eval: by
        job id as text, descending.

        Parameters
        ----------
        path: The file or folder.
        data: The dataset that resolves text ids: they are external ids of users and jobs.
        name: Name for tables; None: the name of the file without its ending.
        at: Clock of the data that the lists were computed from; None: that of a published run, or not known.

        Raises
        ------
        DataError: If the file cannot be read, or a value is missing, invalid or a duplicate.
        ConfigurationError: If `at` is not a time.
        """
        path = expand_path(path)
        return cls._of_raw(read_raw_lists(path), data, name or name_lists(path), at)

    @classmethod
    def of(cls, frame: pd.DataFrame, data: Dataset, *, name: str = "lists", at: datetime | str | None = None) -> Self:
        """Return the lists of a frame with the columns user, job, and rank or score. Parameters are as in `read`.

        Raises
        ------
        DataError, ConfigurationError: As `read`.
        """
        return cls._of_raw(read_frame(frame, name), data, name, at)

    @classmethod
    def _of_raw(cls, raw: RawLists, data: Dataset, name: str, at: datetime | str | None) -> Self:
        users, is_user = _resolve_ids(raw, "user", data.user_lookup)
        jobs, is_job = _resolve_ids(raw, "job", data.job_lookup)
        for column, is_known in (("user", is_user), ("job", is_job)):
            if len(users) and not is_known.any():
                raise raw.error(
                    0,
                    column,
                    f"the data contain none of the {column}s. The first one is {raw.value(0, column)}",
                    f"Use a {column}_id or an external_id of the table {column}s.",
                )
        _require_distinct_jobs(raw, users, jobs)
        notes = []
        if "rank" in raw.frame:
            ranks = _parse_ranks(raw)
            order = np.lexsort((ranks, users))
            _require_distinct_ranks(raw, users[order], ranks[order], order)
        else:
            scores = _parse_scores(raw)
            order = np.lexsort((-scores, users))
            tied = _find_repeats(users[order], scores[order])
            if tied.any():
                texts = pd.factorize(raw.frame["job"].map(format_value), sort=True)[0]
                order = np.lexsort((-texts, -scores, users))
                notes.append(
                    f"{int(tied.sum()):,} of {len(users):,} entries of {name} have the score of the entry before. "
                    "Equal scores are ordered by job id as text, descending, as in trec_eval."
                )
        users, jobs, is_user = users[order], jobs[order], is_user[order]
        place, length = _count_places(users)
        if "rank" in raw.frame:
            with_gap = np.unique(users[ranks[order] != place + 1])
            if len(with_gap):
                notes.append(
                    f"The ranks of {pluralize(len(with_gap), 'list')} of {name} have gaps. Jobs after a gap move up."
                )
        unknown = np.unique(users[~is_user])
        if len(unknown):
            notes.append(f"{name} has lists of {pluralize(len(unknown), 'user')} that the data do not contain.")
        score = (length - place).astype(np.float64) if "rank" in raw.frame else scores[order]
        clock = raw.at if at is None else parse_clock(at, "at")
        return cls(name, users[is_user], jobs[is_user], score[is_user], clock, tuple(notes))

    def __repr__(self) -> str:
        users = pluralize(len(np.unique(self.user_id)), "user")
        return f"ExternalLists({self.name}: {pluralize(len(self.user_id), 'listed job')}, {users})"

    def ranking(self, user_id: Longs, job_id: Longs, k: int) -> Ranking:
        """Return the first k jobs of the list of each user (n,), as a ranking as wide as the longest list.

        `Ranking.job_row` are rows of `job_id` (m,); -1 for an unknown job. A user without a list has an empty one.

        Raises
        ------
        ConfigurationError: If k is not an integer of 1 or more.
        """
        k = check_list_length(k)
        row, is_wanted = IdIndex(user_id).find(self.user_id)
        place, _ = _count_places(self.user_id)
        kept = is_wanted & (place < k)
        row, place = row[kept], place[kept]
        shape = len(user_id), min(k, int(place.max(initial=0)) + 1)
        jobs, rows = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
        scores = np.zeros((*shape, len(SCORES)), dtype=np.float32)
        jobs[row, place] = self.job_id[kept]
        rows[row, place] = IdIndex(job_id).find(self.job_id[kept])[0]
        scores[row, place, SCORES.index("total_score")] = self.score[kept]
        count = np.bincount(row, minlength=len(user_id)).astype(np.int32)
        return Ranking(user_id, jobs, rows, scores, count)


def name_lists(path: Path) -> str:
    """Return the default name of the lists in a file or folder."""
    path = path if path.name else path.resolve()
    return (path.name if path.is_dir() else path.stem)[:_MAX_NAME]


def _resolve_ids(raw: RawLists, column: str, lookup: RowLookup) -> tuple[Longs, Bools]:
    """Return the number of each id, (e,), and whether the data contain it.

    A text that the data do not contain gets a number below 0 that the data do not contain either.
    """
    values = raw.frame[column]
    coerced = INTEGER.coerce(values)
    is_invalid = coerced.values.isna().to_numpy(dtype=bool) & ~find_text_ids(values)
    if is_invalid.any():
        row = int(np.argmax(is_invalid))
        if pd.isna(values.iloc[row]) or not str(values.iloc[row]).strip():
            raise raw.error(row, column, "the id is missing", "Write the id, or remove the row.")
        raise raw.error(row, column, f"{raw.value(row, column)} is not an id", "Write the id as an integer.")
    is_given_as_text = values.map(is_text).to_numpy(dtype=bool)
    ids = coerced.values.fillna(0).to_numpy(dtype=np.int64)
    is_known = IdIndex(lookup.ids).contains(ids)
    if is_given_as_text.any():
        rows, is_known[is_given_as_text] = lookup.resolve(values[is_given_as_text])
        ids[is_given_as_text] = np.where(rows >= 0, lookup.ids[rows], ids[is_given_as_text])
        unknown = np.flatnonzero(is_given_as_text & ~is_known)
        codes, labels = pd.factorize(values.iloc[unknown].map(normalise_value))
        known, taken = set(lookup.ids.tolist()), {*lookup.ids.tolist(), *ids.tolist()}
        unused = (number for number in itertools.count(-1, -1) if number not in taken)
        plain = [parse_plain_number(label) for label in labels]
        numbers = [next(unused) if number is None or number in known else number for number in plain]
        ids[unknown] = np.array(numbers, dtype=np.int64)[codes]
    return ids, is_known


def _parse_ranks(raw: RawLists) -> Longs:
    coerced = INTEGER.coerce(raw.frame["rank"]).values
    is_invalid = ~(coerced.fillna(0).to_numpy(dtype=np.int64) >= 1)
    if is_invalid.any():
        row = int(np.argmax(is_invalid))
        raise raw.error(
            row, "rank", f"{raw.value(row, 'rank')} is not an integer of 1 or more", "Number the jobs of a user from 1."
        )
    return coerced.to_numpy(dtype=np.int64)


def _parse_scores(raw: RawLists) -> Floats:
    scores = NUMBER.coerce(raw.frame["score"]).values.to_numpy(dtype=np.float64)
    if raw.is_trec:
        with np.errstate(over="ignore"):
            scores = scores.astype(np.float32).astype(np.float64)
    if not np.isfinite(scores).all():
        row = int(np.argmin(np.isfinite(scores)))
        raise raw.error(
            row, "score", f"{raw.value(row, 'score')} is not a finite number", "Write a number, or remove the row."
        )
    return scores


def _require_distinct_jobs(raw: RawLists, users: Longs, jobs: Longs) -> None:
    order = np.lexsort((jobs, users))
    repeated = _find_repeats(users[order], jobs[order])
    if repeated.any():
        place = int(np.argmax(repeated))
        first, second = sorted(order[place - 1 : place + 1].tolist())
        raise raw.error(
            second,
            "job",
            f"job {raw.value(second, 'job')} of user {raw.value(second, 'user')} is a duplicate of {raw.locate(first)}",
            "Keep one.",
        )


def _require_distinct_ranks(raw: RawLists, users: Longs, ranks: Longs, order: Longs) -> None:
    """Raise if a user has two jobs of the same rank. `users` and `ranks` are sorted; `order` are their rows."""
    repeated = _find_repeats(users, ranks)
    if repeated.any():
        place = int(np.argmax(repeated))
        first, second = sorted(order[place - 1 : place + 1].tolist())
        raise raw.error(
            second,
            "rank",
            f"rank {ranks[place]} of user {raw.value(second, 'user')} is a duplicate of {raw.locate(first)}",
            "Give each rank of a user once.",
        )


def _find_repeats(users: Longs, values: NDArray[Any]) -> Bools:
    """Return (e,) whether an entry has the user and the value of the entry before."""
    repeated = np.zeros(len(users), dtype=bool)
    repeated[1:] = (users[1:] == users[:-1]) & (values[1:] == values[:-1])
    return repeated


def _count_places(users: Longs) -> tuple[Longs, Longs]:
    """Return (e,) the place of each entry in its list, from 0, and the length of its list; users ascend."""
    start = np.searchsorted(users, users)
    return np.arange(len(users)) - start, np.searchsorted(users, users, side="right") - start


def list_notes(
    lists: ExternalLists, ranking: Ranking, exclusions: Exclusions, holdout: Holdout, k: int
) -> tuple[str, ...]:
    """Return facts of lists that a reader of their metrics must know, one sentence each.

    Parameters
    ----------
    lists: The lists.
    ranking: The lists of the evaluated users, from `lists.ranking`.
    exclusions: The rules that entries are checked with.
    holdout: The holdout of the metrics.
    k: Length of the evaluated lists.
    """
    name, n = lists.name, len(ranking.user_id)
    notes = list(lists.notes)
    if lists.at is None:
        start = "" if holdout.starts is None else f" ({holdout.starts:%Y-%m-%d %H:%M} UTC)"
        notes.append(
            f"The time of {name} is unknown. The lists must be computed from data that are not later than the start of "
            f"the holdout{start}."
        )
    empty = int((ranking.count == 0).sum())
    if empty:
        notes.append(
            f"{name} does not contain a list for {empty:,} of {pluralize(n, 'evaluated user')}. Their lists count as "
            "empty."
        )
    longest = int(ranking.count.max(initial=0))
    if longest < k:
        notes.append(
            f"The longest list of {name} has {pluralize(longest, 'job')}. Later ranks count as not relevant: compare "
            f"metrics up to rank {longest}, such as with --top-k {longest}."
        )
    notes += _describe_ineligible(name, ranking, exclusions)
    return tuple(notes)


def _describe_ineligible(name: str, ranking: Ranking, exclusions: Exclusions) -> list[str]:
    user, place = np.nonzero(mask_listed(ranking.job_row.shape[1], ranking.count))
    job = ranking.job_row[user, place]
    known = job >= 0
    counts = {"job not in the data": int((~known).sum())}
    user, known_job = user[known], job[known]
    reasons = exclusions.find_reasons(user, known_job)
    limit = exclusions.rules.max_per_company
    if limit is not None:
        company = exclusions.company[known_job]
        earlier = pd.Series(company).groupby([user, company]).cumcount().to_numpy()
        reasons[f"limit of {pluralize(limit, 'job')} per company"] = (company >= 0) & (earlier >= limit)
    counts |= count_first_reasons(reasons)
    total = sum(counts.values())
    if not total:
        return []
    parts = ", ".join(f"{count:,} × {reason}" for reason, count in counts.items() if count)
    return [
        f"{total:,} of {len(job):,} entries of {name} are not eligible: {parts}. They keep their rank, and count as "
        "relevant if the user acted on them."
    ]


def count_first_reasons(reasons: Mapping[str, Bools]) -> dict[str, int]:
    """Return reason → number of pairs whose first reason it is, without zeros."""
    counts: dict[str, int] = {}
    left: bool | Bools = True
    for reason, applies in reasons.items():
        count = int((left & applies).sum())
        left = left & ~applies
        if count:
            counts[reason] = count
    return counts
