"""Everything that a score depends on, except the rows of the user and the job."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.argument_checks import check_interval
from scoring.array_types import Bools, Longs
from scoring.columns import ACTION_KINDS
from scoring.dataset.clock import Clock
from scoring.dataset.dataset import Dataset
from scoring.dataset.vocabularies import Vocabularies, Vocabulary
from scoring.errors import ConfigurationError, DataError
from scoring.id_index import IdIndex
from scoring.statistics.area_wages import AreaMeans
from scoring.statistics.company_popularity import CompanyActions
from scoring.statistics.factors import Factors, Vectors
from scoring.statistics.job_popularity import JobActions
from scoring.statistics.occupation_similarity import Similarity

__all__ = ["Basis"]

FORMAT: Final = 2
"""Version of the named arrays."""

_TEXTS: Final = ("prefecture", "city", "company")
_ALL: Final = -1.0
"""In arrays, the window of all actions."""
_NUMBERS: Final = ("place", "occupation", "major")


@dataclass(frozen=True, repr=False, eq=False)
class Basis:
    """The statistics of one dataset, detached from its rows. Immutable.

    Lists are exact for a given basis: `Prepared.of(dataset, model, basis=basis)` scores the dataset's rows with these
    values, also if they come from another dataset or process. Other processes receive the values (`arrays`,
    `of_arrays`) and do not recompute them: `exp2`, `exp` and `log` differ in the last bit between processors.

    Parameters
    ----------
    clock: The time that scores are computed for.
    words: The codes of known values, and the major group of each occupation.
    adjacent: (n_prefectures, n_prefectures) by prefecture code.
    areas: Mean wages by prefecture and major occupation code.
    popularity: Window in days → actions by company code.
    similarity: Cosines by occupation code.
    factors: Vectors of users and jobs.
    user_id, job_id: The ids of the rows of `factors`.
    job_popularity: Window in days (None: all) → actions by job.
    """

    clock: Clock
    words: Vocabularies
    adjacent: Bools
    areas: AreaMeans
    popularity: Mapping[float, CompanyActions]
    similarity: Similarity
    factors: Factors
    user_id: Longs
    job_id: Longs
    job_popularity: Mapping[float | None, JobActions] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(as of {self.clock.as_of:%Y-%m-%d %H:%M:%S} UTC)"

    @cached_property
    def digest(self) -> str:
        """Digest of all values. A basis that was read from the arrays of this one has the same digest."""
        return digest_of(self.arrays())

    def is_of(self, dataset: Dataset) -> bool:
        """Return whether this basis was computed from this dataset object."""
        return False

    def materialize(self, windows: Iterable[float] = (), job_windows: Iterable[float | None] = ()) -> Basis:
        """Return a basis whose values are all computed.

        Parameters
        ----------
        windows: Popularity windows in days to compute in addition to those of `popularity`.
        job_windows: The same for `job_popularity`; None: all actions. Trained models read them.

        Raises
        ------
        ConfigurationError: If a window is not available.
        """
        for days in windows:
            self.company_actions(days)
        for window in job_windows:
            self.job_actions(window)
        return self

    def company_actions(self, days: float) -> CompanyActions:
        """Return the actions by company code over a window of `days` days.

        Raises
        ------
        ConfigurationError: If the basis does not contain that window.
        """
        found = self.popularity.get(check_interval("days", days))
        if found is None:
            known = ", ".join(f"{window:g}" for window in sorted(self.popularity)) or "none"
            wanted = ", ".join(f"{window:g}" for window in sorted([*self.popularity, days]))
            raise ConfigurationError(
                f"The basis does not contain company popularity over {days:g} days. Its windows in days: {known}. "
                f"Create a basis with `Statistics(dataset).basis.materialize([{wanted}])`.",
                key=("days",),
            )
        return found

    def job_actions(self, days: float | None) -> JobActions:
        """Return the actions by job over a window of `days` days; None: all up to the clock.

        Raises
        ------
        ConfigurationError: If the basis does not contain that window.
        """
        found = self.job_popularity.get(None if days is None else check_interval("days", days))
        if found is None:
            raise ConfigurationError(
                f"The basis does not contain actions by job over {_name_window(days)}. Create a basis with "
                f"`Statistics(dataset).basis.materialize([360.0], [{days}])`.",
                key=("days",),
            )
        return found

    def user_factors(self, user_id: Longs) -> tuple[Vectors, Bools, Bools]:
        """Return the vectors (n, dimensions) of these users, whether each has one, and whether the data contain it.

        Unknown users have none. A user whose vector is in the data, even a zero vector, has a profile.
        """
        factors = self.factors
        vectors, has, in_table = _take_by_id(
            self._user_index, self.user_id, user_id, (factors.users, factors.user_has, factors.user_in_table)
        )
        return vectors, has, in_table

    def job_factors(self, job_id: Longs) -> tuple[Vectors, Bools]:
        """Return the vectors (m, dimensions) of these jobs, and whether each has one. Unknown jobs have none."""
        columns = self.factors.jobs, self.factors.job_has
        vectors, has = _take_by_id(self._job_index, self.job_id, job_id, columns)
        return vectors, has

    @cached_property
    def _user_index(self) -> IdIndex:
        return IdIndex(self.user_id)

    @cached_property
    def _job_index(self) -> IdIndex:
        return IdIndex(self.job_id)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all values as named arrays of plain numbers; `of_arrays` reads them.

        Rows of `factors` without a vector are omitted.
        """
        factors, words = self.factors, self.words
        users, jobs = np.flatnonzero(factors.user_has | factors.user_in_table), np.flatnonzero(factors.job_has)
        windows = sorted(self.popularity)
        width = len(words.company) + 1
        counts = [self.popularity[days] for days in windows]
        found: dict[str, NDArray[Any]] = {
            "format": np.array([FORMAT]),
            "clock.now": np.array([self.clock.now]),
            "clock.set_back": np.array([self.clock.set_back]),
        }
        for name in _TEXTS:
            found |= _encode_texts(f"words.{name}", getattr(words, name).values)
        for name in _NUMBERS:
            found[f"words.{name}"] = getattr(words, name).values.to_numpy(np.int64)
        return found | {
            "major_of.occupation": words.major_of.index.to_numpy(np.int64),
            "major_of.major": words.major_of.to_numpy(np.int64, na_value=0),
            "major_of.known": words.major_of.notna().to_numpy(bool),
            "adjacent": self.adjacent,
            "areas.by_major": self.areas.by_major,
            "areas.by_major_count": self.areas.by_major_count,
            "areas.by_prefecture": self.areas.by_prefecture,
            "areas.by_prefecture_count": self.areas.by_prefecture_count,
            "areas.overall": np.array([self.areas.overall]),
            "areas.overall_count": np.array([self.areas.overall_count]),
            "popularity.days": np.array(windows, dtype=np.float64),
            "popularity.applications": _stack([count.applications for count in counts], width),
            "popularity.looks": _stack([count.looks for count in counts], width),
            "similarity.cosine": self.similarity.cosine,
            "factors.source": np.frombuffer(factors.source.encode(), dtype=np.uint8),
            "factors.user_id": self.user_id[users],
            "factors.users": factors.users[users],
            "factors.user_has": factors.user_has[users],
            "factors.user_in_table": factors.user_in_table[users],
            "factors.job_id": self.job_id[jobs],
            "factors.jobs": factors.jobs[jobs],
            **self._list_job_popularity(),
        }

    def _list_job_popularity(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of `job_popularity`; none if no model reads it."""
        windows = sorted(self.job_popularity, key=lambda days: _ALL if days is None else days)
        found: dict[str, NDArray[Any]] = {}
        if windows:
            found["job_popularity.days"] = np.array([_ALL if days is None else days for days in windows])
        for place, days in enumerate(windows):
            actions = self.job_popularity[days]
            found[f"job_popularity.{place}.job_id"] = actions.job_id
            found[f"job_popularity.{place}.counts"] = actions.counts
        return found

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the basis of named arrays, as `arrays` returned them.

        Raises
        ------
        DataError: If the format is unknown, an array is missing, or its type or shape does not fit the other arrays.
        """
        read = _Reader(arrays)
        if int(read("format", np.int64, (1,))[0]) != FORMAT:
            raise DataError(
                f"The basis has format {arrays['format'][0]}, but this version of scoring reads format {FORMAT}. Write "
                "the basis again with this version.",
                reason="other format",
                table="basis",
                column="format",
                value=str(arrays["format"][0]),
            )
        words = _read_words(read)
        prefectures, majors, companies = len(words.prefecture), len(words.major), len(words.company)
        days = read("popularity.days", np.float64, (None,))
        counts = (len(days), companies + 1)
        applications, looks = (read(f"popularity.{name}", np.int64, counts) for name in ("applications", "looks"))
        cosine = read("similarity.cosine", np.float64, (None, None))
        if cosine.shape[0] != cosine.shape[1] or len(cosine) > len(words.occupation):
            raise DataError(
                f"basis: the array similarity.cosine has shape {cosine.shape}. It must be square with at most "
                f"{len(words.occupation)} rows, the number of occupations in this basis. Create the "
                "arrays with `arrays()` of a basis.",
                reason="wrong shape",
                table="basis",
                column="similarity.cosine",
                value=str(cosine.shape),
            )
        users, jobs = (read(f"factors.{name}", np.float32, (None, None)) for name in ("users", "jobs"))
        if users.shape[1] != jobs.shape[1]:
            raise DataError(
                f"basis: the array factors.users has {users.shape[1]} dimensions, but factors.jobs has "
                f"{jobs.shape[1]}. They must be equal. Create the arrays with `arrays()` of a basis.",
                reason="wrong shape",
                table="basis",
                column="factors.users",
                value=str(users.shape),
            )
        area = (prefectures + 1, majors + 1)
        return cls(
            clock=Clock.at(
                int(read("clock.now", np.int64, (1,))[0]), set_back=bool(read("clock.set_back", np.bool_, (1,))[0])
            ),
            words=words,
            adjacent=read("adjacent", np.bool_, (prefectures, prefectures)),
            areas=AreaMeans(
                by_major=read("areas.by_major", np.float64, area),
                by_major_count=read("areas.by_major_count", np.int64, area),
                by_prefecture=read("areas.by_prefecture", np.float64, area[:1]),
                by_prefecture_count=read("areas.by_prefecture_count", np.int64, area[:1]),
                overall=float(read("areas.overall", np.float64, (1,))[0]),
                overall_count=int(read("areas.overall_count", np.int64, (1,))[0]),
            ),
            popularity={
                float(window): CompanyActions(applied, looked, float(window))
                for window, applied, looked in zip(days, applications, looks, strict=True)
            },
            similarity=Similarity(cosine),
            factors=Factors(
                users=users,
                jobs=jobs,
                user_has=read("factors.user_has", np.bool_, users.shape[:1]),
                job_has=np.ones(len(jobs), dtype=bool),
                source=read("factors.source", np.uint8, (None,)).tobytes().decode(),
                user_in_table=read("factors.user_in_table", np.bool_, users.shape[:1]),
            ),
            user_id=read("factors.user_id", np.int64, users.shape[:1]),
            job_id=read("factors.job_id", np.int64, jobs.shape[:1]),
            job_popularity=_read_job_popularity(read, arrays),
        )


def digest_of(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the digest of named arrays: names, types, shapes and values."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\0".encode())
        digest.update(array.data)
    return digest.hexdigest()


class _Reader:
    """Reads named arrays of a known type and shape."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    def __call__(self, name: str, dtype: type, shape: tuple[int | None, ...]) -> NDArray[Any]:
        array = self._arrays.get(name)
        if array is None:
            raise DataError(
                f"basis: the array {name} is missing. Create the arrays with `arrays()` of a basis.",
                reason="missing array",
                table="basis",
                column=name,
            )
        fits = len(array.shape) == len(shape) and all(
            size in (None, given) for size, given in zip(shape, array.shape, strict=True)
        )
        if array.dtype != np.dtype(dtype) or not fits:
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise DataError(
                f"basis: the array {name} has dtype {array.dtype} and shape {array.shape}; it must have dtype "
                f"{np.dtype(dtype)} and shape ({wanted}). Create the arrays with `arrays()` of a basis.",
                reason="wrong shape",
                table="basis",
                column=name,
                value=f"{array.dtype} {array.shape}",
            )
        return array


def _take_by_id(
    index: IdIndex, known: Longs, wanted: Longs, columns: tuple[NDArray[Any], ...]
) -> tuple[NDArray[Any], ...]:
    """Return the rows of the wanted ids from each column; zeros for unknown ids."""
    if known is wanted or np.array_equal(known, wanted):
        return columns
    row, found = index.find(wanted)
    if found.all():  # `take` needs a third of the time of an index
        return tuple(column.take(row, axis=0) for column in columns)
    results = []
    for column in columns:
        result = np.zeros((len(wanted), *column.shape[1:]), dtype=column.dtype)
        result[found] = column.take(row[found], axis=0)
        results.append(result)
    return tuple(results)


def _read_job_popularity(read: _Reader, arrays: Mapping[str, NDArray[Any]]) -> dict[float | None, JobActions]:
    found: dict[float | None, JobActions] = {}
    if "job_popularity.days" not in arrays:
        return found
    for place, days in enumerate(read("job_popularity.days", np.float64, (None,)).tolist()):
        window = None if days == _ALL else days
        job_id = read(f"job_popularity.{place}.job_id", np.int64, (None,))
        counts = read(f"job_popularity.{place}.counts", np.int64, (len(ACTION_KINDS), len(job_id)))
        found[window] = JobActions(job_id, counts, window)
    return found


def _name_window(days: float | None) -> str:
    return "all days" if days is None else f"{days:g} days"


def _stack(rows: list[Longs], width: int) -> Longs:
    """Return (len(rows), width), also for zero rows."""
    return np.stack(rows) if rows else np.empty((0, width), dtype=np.int64)


def _encode_texts(name: str, values: pd.Index) -> dict[str, NDArray[Any]]:
    """Return all texts as UTF-8 bytes, and the end of each text."""
    encoded = [str(value).encode() for value in values]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    return {f"{name}.bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8), f"{name}.end": ends}


def _decode_texts(read: _Reader, name: str) -> pd.Index:
    data, ends = read(f"{name}.bytes", np.uint8, (None,)).tobytes(), read(f"{name}.end", np.int64, (None,)).tolist()
    starts = [0, *ends][:-1]
    if any(start > end for start, end in zip(starts, ends, strict=True)) or (ends and ends[-1] != len(data)):
        raise DataError(
            f"basis: the array {name}.end is damaged. Its values must not decrease, and the last must be {len(data)}, "
            f"the length of {name}.bytes. Write the basis again.",
            reason="damaged",
            table="basis",
            column=f"{name}.end",
        )
    return pd.Index([data[start:end].decode() for start, end in zip(starts, ends, strict=True)], dtype="str")


def _read_words(read: _Reader) -> Vocabularies:
    values: dict[str, Any] = {name: _decode_texts(read, f"words.{name}") for name in _TEXTS}
    values |= {name: pd.Index(read(f"words.{name}", np.int64, (None,)), dtype="Int64") for name in _NUMBERS}
    occupation = read("major_of.occupation", np.int64, (None,))
    major, known = (
        read(f"major_of.{name}", dtype, occupation.shape) for name, dtype in (("major", np.int64), ("known", np.bool_))
    )
    major_of = pd.Series(pd.arrays.IntegerArray(major.copy(), ~known), index=pd.Index(occupation))
    return Vocabularies(**{name: Vocabulary(index) for name, index in values.items()}, major_of=major_of)
