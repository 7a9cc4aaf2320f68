"""Results of the legacy methods: frames, scores and explanations, computed synchronously from one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.caching.cache_key import UserKey
from scoring.columns.city_code_padding import pad_cities
from scoring.columns.id_arguments import is_text
from scoring.dataset import Dataset
from scoring.errors import DataError
from scoring.facade.cache_keys import make_explanation_key, make_score_key
from scoring.facade.legacy_input import Row, make_canonical_frame, read_user, resolve_row
from scoring.facade.legacy_result_types import describe_factors, make_recommendations
from scoring.facade.pair_chunks import PairChunk, estimate_working_bytes, never_cancelled, score_chunks
from scoring.facade.small_request_inputs import make_plain_inputs
from scoring.facade.snapshot import Snapshot
from scoring.id_index import IdIndex, find_unused_id
from scoring.model import Inputs, ScoringModel
from scoring.plan.value_range_check import is_shipped
from scoring.ranking import SCORES, Explanation, Prepared, Ranking, explain
from scoring.ranking.single_pair_score import score_pair_of_shipped_components
from scoring.runs import memory_forecast

__all__ = [
    "ALL_PAIRS_COLUMNS",
    "RANKED_COLUMNS",
    "SCORE_COLUMNS",
    "PairRows",
    "explain_pair",
    "find_user_row",
    "is_prepared_for_pairs",
    "make_pair_inputs",
    "make_pairs_frame",
    "make_profile_error",
    "make_ranking_frame",
    "require_memory",
    "score_listed_pairs",
    "score_pair",
    "score_pair_at_once",
]

SCORE_COLUMNS: Final = ("total_score", "base_score", "seo_score", "personal_score")
"""The legacy names of `scoring.ranking.SCORES`, in that order: the match group is called seo."""
LEGACY_COLUMNS: Final = ("user_id", "job_id", *SCORE_COLUMNS)
ALL_PAIRS_COLUMNS: Final = (*LEGACY_COLUMNS, "eligible")
RANKED_COLUMNS: Final = (*LEGACY_COLUMNS, "rank")
_RANKING_COLUMNS: Final = ("user_id", "job_id", *SCORES, "rank")
"""The names of `RANKED_COLUMNS` in `Ranking.columns`."""

BYTES_PER_PAIR: Final = 2 * 8 + 4 * 4 + 1
"""Bytes per row of a frame of all pairs: two int64 ids, four float32 scores, a boolean."""

PAIRS_PER_PLAN: Final = 10_000
"""Number of listed pairs planned together."""


@dataclass(frozen=True)
class PairRows:
    """A job and a user as they were read, with numbers or external ids."""

    job: Row
    user: Row
    profile: int | str | None = None

    @property
    def has_text_ids(self) -> bool:
        """Whether an id is a text, which is looked up in the data."""
        return any(map(is_text, (self.job.get("job_id"), self.user.get("user_id"), self.profile)))

    def resolve(self, dataset: Dataset) -> ResolvedPair:
        """Return the pair with numbers for the text ids of the dataset.

        Raises
        ------
        DataError: If the profile is that of another user.
        UnknownIdError: If the profile is a text that is not an id of a user.
        """
        job, user = resolve_row(self.job, dataset.job_lookup), resolve_row(self.user, dataset.user_lookup)
        if self.profile is None:
            return ResolvedPair(job, user)
        profile = _resolve_profile(self.profile, dataset)
        of_user = self.user.get("user_id", profile)
        number = user.get("user_id") if "user_id" in self.user else profile
        if (is_text(self.profile) or is_text(of_user)) and number != profile:
            raise make_profile_error(str(self.profile), str(of_user))
        return ResolvedPair(job, user, profile)


def _resolve_profile(profile: int | str, dataset: Dataset) -> int:
    if type(profile) is int and abs(profile) < 2**63:
        return profile  # saves 0.1 ms
    return int(dataset.user_lookup.to_numbers(profile)[0])


@dataclass(frozen=True)
class ResolvedPair:
    """A job and a user whose ids are numbers. `profile`: the user whose history counts (None: no history)."""

    job: Row
    user: Row
    profile: int | None = None


def make_profile_error(of_profile: int | str, of_user: int | str) -> DataError:
    """Return the error of a profile of another user."""
    return DataError(
        f"The profile belongs to user {of_profile}, but the user is {of_user}. Give both the same user_id.",
        reason="other user",
        table="users",
        column="user_id",
        value=str(of_profile),
    )


# Frames


def require_memory(n_users: int, n_jobs: int, chunk_size: int, workers: int | None) -> None:
    """Raise NotEnoughMemoryError if a frame of every pair does not fit, with its bytes and the alternatives."""
    pairs = n_users * n_jobs
    needed = pairs * BYTES_PER_PAIR + (estimate_working_bytes(n_users, n_jobs, chunk_size, workers) if pairs else 0)
    what = f"A DataFrame of all {n_users:,} × {n_jobs:,} = {pairs:,} pairs"
    alternatives = ["top_k=40 for the best jobs of each user", "out=DIRECTORY for all pairs as a Parquet dataset"]
    memory_forecast.require(needed, what, alternatives)


def make_pairs_frame(
    inputs: Inputs,
    model: ScoringModel,
    *,
    chunk_size: int,
    workers: int | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
) -> pd.DataFrame:
    """Return (n · m) rows of `ALL_PAIRS_COLUMNS`, in (user, job) order of the inputs. See `require_memory`."""
    n_users, n_jobs = len(inputs.users), len(inputs.jobs)
    scores = np.empty((len(SCORES), n_users, n_jobs), dtype=np.float32)
    eligible = np.empty((n_users, n_jobs), dtype=bool)

    def take(chunk: PairChunk) -> None:
        rows = slice(chunk.first, chunk.first + len(chunk.user_id))
        scores[:, rows], eligible[rows] = chunk.scores, chunk.eligible

    if n_users and n_jobs:
        score_chunks(inputs, model, take, chunk_size=chunk_size, workers=workers, cancelled=cancelled)
    columns: dict[str, NDArray[Any]] = {
        "user_id": np.repeat(inputs.users.user_id, n_jobs),
        "job_id": np.tile(inputs.jobs.job_id, n_users),
    }
    columns |= dict(zip(SCORE_COLUMNS, scores.reshape(len(SCORES), -1), strict=True))
    # copy=False: by default pandas copies the columns into new blocks, which needs the memory twice
    return pd.DataFrame(columns | {"eligible": eligible.ravel()}, copy=False)


def make_ranking_frame(rank: Callable[[int, int], Ranking], n_users: int, *, chunk_size: int) -> pd.DataFrame:
    """Return `RANKED_COLUMNS` of n users in their order, best first. `rank(first, stop)` ranks a chunk of them."""
    frames = [
        _rename_scores(rank(first, min(first + chunk_size, n_users))) for first in range(0, max(n_users, 1), chunk_size)
    ]
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def _rename_scores(ranking: Ranking) -> pd.DataFrame:
    columns = ranking.columns()
    frame = pd.DataFrame(
        {name: columns[source] for name, source in zip(RANKED_COLUMNS, _RANKING_COLUMNS, strict=True)}, copy=False
    )
    return frame if ranking.external_ids is None else ranking.external_ids.add_columns(frame)


# Listed pairs


def score_listed_pairs(snapshot: Snapshot, model: ScoringModel, pairs: Sequence[PairRows]) -> pd.DataFrame:
    """Return `user_id, job_id` (<NA> for a row without id) and `SCORE_COLUMNS` of each pair, in order.

    The scores are not cached. A call takes 18 ms of CPU time and 0.02 ms for each pair. A cache lookup takes 0.13 ms,
    most of it for the key, which contains all values of both rows. Caching would save time only for fewer than about
    250 repeated pairs (100: 14 ms instead of 28; 1000: 112 instead of 61), and costs 0.13 ms for each new pair.

    Raises
    ------
    DataError: If a value is invalid; the message has the position, the column and the value.
    """
    resolved = [pair.resolve(snapshot.dataset) for pair in pairs]
    return _score_resolved_pairs(snapshot, model, resolved)


def _score_resolved_pairs(snapshot: Snapshot, model: ScoringModel, pairs: Sequence[ResolvedPair]) -> pd.DataFrame:
    frames = [
        _score_pairs(snapshot, model, pairs[start : start + PAIRS_PER_PLAN])
        for start in range(0, max(len(pairs), 1), PAIRS_PER_PLAN)
    ]
    return pd.concat(frames, ignore_index=True)


def score_pair(snapshot: Snapshot, model: ScoringModel, pair: PairRows) -> Mapping[str, float]:
    """Return the four scores of one pair by name. They are cached by the values of both rows."""
    resolved = pair.resolve(snapshot.dataset)
    key = make_score_key(snapshot.statistics, model, resolved.job, resolved.user, resolved.profile)
    return snapshot.caches.scores.get_or_compute(key, lambda: _compute_scores(snapshot, model, resolved))


def _compute_scores(snapshot: Snapshot, model: ScoringModel, pair: ResolvedPair) -> dict[str, float]:
    misses = _count_misses(snapshot)
    scores = _score_plain_pair(snapshot, model, pair)
    if scores is not None:
        if _count_misses(snapshot) == misses:
            snapshot.models_of_pairs[model.digest] = snapshot.statistics.missing_keys
        return scores
    frame = _score_resolved_pairs(snapshot, model, [pair])
    return {name: float(frame[name].iloc[0]) for name in SCORE_COLUMNS}


def score_pair_at_once(snapshot: Snapshot, model: ScoringModel, pair: PairRows) -> Mapping[str, float] | None:
    """Return `score_pair`, which takes about 1 ms; None if the rows need frames. See `is_prepared_for_pairs`."""
    resolved, store = pair.resolve(snapshot.dataset), snapshot.caches.scores
    key = make_score_key(snapshot.statistics, model, resolved.job, resolved.user, resolved.profile)
    if key in store:
        return store.get_or_compute(key, lambda: _compute_scores(snapshot, model, resolved))
    scores = _score_plain_pair(snapshot, model, resolved)
    return None if scores is None else store.get_or_compute(key, lambda: scores)


def is_prepared_for_pairs(snapshot: Snapshot, model: ScoringModel) -> bool:
    """Return whether all that a plain pair needs of the data is computed: no cache was emptied since the last pair."""
    missing = snapshot.models_of_pairs.get(model.digest)
    return missing is not None and snapshot.statistics.missing_keys <= missing


def _count_misses(snapshot: Snapshot) -> int:
    """Return how many values of the data were computed."""
    caches = snapshot.caches
    return sum(store.stats.misses for store in (caches.company, caches.similarity, caches.prefecture))


def _score_plain_pair(snapshot: Snapshot, model: ScoringModel, pair: ResolvedPair) -> dict[str, float] | None:
    """Return the scores of a pair in a tenth of the time of a frame; None if a row or a component needs frames."""
    if not all(is_shipped(part) for part in model.parts):
        return None
    inputs = make_plain_inputs(snapshot, pair.job, _make_user_row(pair), has_profile=pair.profile is not None)
    scores = None if inputs is None else score_pair_of_shipped_components(model, inputs)
    return None if scores is None else dict(zip(SCORE_COLUMNS, scores, strict=True))


def _score_pairs(snapshot: Snapshot, model: ScoringModel, pairs: Sequence[ResolvedPair]) -> pd.DataFrame:
    jobs, job_row = _deduplicate([pair.job for pair in pairs], [id(pair.job) for pair in pairs])
    users, find_user_row = _deduplicate(
        [_make_user_row(pair) for pair in pairs], [(id(pair.user), pair.profile) for pair in pairs]
    )
    profiled = np.zeros(len(users), dtype=bool)
    profiled[find_user_row] = [pair.profile is not None for pair in pairs]
    inputs, ids = _make_row_inputs(snapshot, jobs, users, profiled)
    row_of = {"user_id": find_user_row, "job_id": job_row}
    frame = pd.DataFrame({name: ids[name].array[rows] for name, rows in row_of.items()})
    scorer = Prepared.of(inputs, model, workers=1).scorer
    for name, values in zip(SCORE_COLUMNS, scorer.listed(find_user_row, job_row), strict=True):
        frame[name] = values
    return frame


def _deduplicate(rows: list[Row], keys: list[Any]) -> tuple[list[Row], NDArray[np.int64]]:
    """Return one row for each different key, and the index of each row among them."""
    index_of: dict[Any, int] = {}
    indices = np.array([index_of.setdefault(key, len(index_of)) for key in keys], dtype=np.int64)
    first = dict(zip(reversed(indices.tolist()), reversed(rows), strict=True))
    return [first[n] for n in range(len(index_of))], indices


def _make_user_row(pair: ResolvedPair) -> Row:
    return pair.user if pair.profile is None else pair.user | {"user_id": pair.profile}


def _make_row_inputs(
    snapshot: Snapshot, jobs: Sequence[Row], users: Sequence[Row], profiled: NDArray[np.bool_]
) -> tuple[Inputs, dict[str, pd.Series]]:
    """Return the inputs of rows, and their ids: <NA> for a row without id, which gets an unused id in the inputs."""
    dataset = snapshot.dataset
    frames: dict[str, pd.DataFrame] = {}
    named: dict[str, pd.Series] = {}
    for table, key, rows, known in (
        ("jobs", "job_id", jobs, dataset.jobs.job_id),
        ("users", "user_id", users, dataset.users.user_id),
    ):
        named_rows = [{key: find_unused_id(known)} | row for row in rows]
        frame = make_canonical_frame(table, named_rows, snapshot.code_widths, dataset.board)
        frame = pad_cities(frame, snapshot.city_width)
        named[key] = frame[key].astype("Int64").where(np.array([key in row for row in rows], dtype=bool))
        frames[table] = frame
    inputs = Inputs.of(snapshot.statistics, jobs=frames["jobs"], users=frames["users"], with_profile=profiled)
    return inputs, named


def make_pair_inputs(snapshot: Snapshot, pair: PairRows) -> Inputs:
    """Return the inputs of one pair without history.

    Raises
    ------
    DataError: If a value is invalid.
    """
    resolved = pair.resolve(snapshot.dataset)
    return _make_row_inputs(snapshot, [resolved.job], [resolved.user], np.zeros(1, dtype=bool))[0]


def explain_pair(snapshot: Snapshot, model: ScoringModel, pair: PairRows) -> dict[str, Any]:
    """Return the scores of a pair and their parts: see `ScoringEngine.get_score_explanation`."""
    resolved = pair.resolve(snapshot.dataset)
    key = make_explanation_key(snapshot.statistics, model, resolved.job, resolved.user, resolved.profile)
    found = snapshot.caches.explanations.get_or_compute(key, lambda: _compute_explanation(snapshot, model, resolved))
    return deepcopy(found)  # the caller may change it


def _compute_explanation(snapshot: Snapshot, model: ScoringModel, pair: ResolvedPair) -> dict[str, Any]:
    profiled = np.array([pair.profile is not None])
    inputs, ids = _make_row_inputs(snapshot, [pair.job], [_make_user_row(pair)], profiled)
    prepared = Prepared.of(inputs, model, workers=1)
    found = explain(prepared.plan, inputs, 0, 0)
    plain_ids = {name: _to_plain_value(values.iloc[0]) for name, values in ids.items()}
    scores = dict(zip(SCORE_COLUMNS, (found.total, *found.groups.values()), strict=True))
    groups = {name: scores[name] for name in SCORE_COLUMNS[1:]}
    return {
        "user_id": plain_ids["user_id"],
        "job_id": plain_ids["job_id"],
        **_find_external_ids(snapshot.dataset, plain_ids, found),
        "model": found.model,
        **scores,
        "component_scores": groups,
        "score_factors": describe_factors(inputs),
        "recommendations": make_recommendations(found.total, groups, with_profile=pair.profile is not None),
        "eligible": found.eligible,
        "not_ranked": list(found.not_ranked),
        "unknown_values": list(found.unknown_values),
        "job_values": _to_plain_value(found.job_values),
        "user_values": _to_plain_value(found.user_values),
        "components": [
            {
                "component": part.name,
                "group": part.group,
                "value": part.value,
                "weight": part.weight,
                "points": part.points,
                "facts": _to_plain_value(part.facts),
            }
            for part in found.parts
        ],
    }


def _find_external_ids(dataset: Dataset, ids: Mapping[str, Any], found: Explanation) -> dict[str, str]:
    """Return `user_external_id` and `job_external_id` of a pair, as far as the data or the rows have them."""
    texts = {
        "user_id": (dataset.external_ids.users, found.user_external_id),
        "job_id": (dataset.external_ids.jobs, found.job_external_id),
    }
    external_ids = {}
    for key, (lookup, given) in texts.items():
        stored = None if lookup is None or ids[key] is None else lookup.find_texts(np.array([ids[key]])).iloc[0]
        text = stored if isinstance(stored, str) else given
        if text is not None:
            external_ids[key.replace("_id", "_external_id")] = text
    return external_ids


def _to_plain_value(value: Any) -> Any:
    """Return facts as plain Python values: None for missing values, no NumPy numbers."""
    if isinstance(value, Mapping):
        return {str(key): _to_plain_value(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_to_plain_value(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if value is pd.NA or value is pd.NaT or value != value else value


def find_user_row(snapshot: Snapshot, user_id: int) -> Row:
    """Return the row of a user in the data; for an unknown user, the id alone."""
    key = UserKey(snapshot.dataset.users_fingerprint, user_id)
    return dict(snapshot.caches.users.get_or_compute(key, lambda: _read_user_row(snapshot, user_id)))


def _read_user_row(snapshot: Snapshot, user_id: int) -> Row:
    users = snapshot.dataset.tables.users
    place = int(IdIndex(snapshot.dataset.users.user_id).find(np.array([user_id]))[0][0])
    if place < 0:
        return {"user_id": user_id}
    return read_user(users.iloc[place], snapshot.dataset.board)
