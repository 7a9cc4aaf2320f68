"""The work behind the legacy methods: synchronous, on one snapshot, knowing nothing of databases or event loops."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.errors import RunCancelledError
from scoring.facade.keys import frozen, model_key
from scoring.facade.legacy_objects import Row, canonical_frame, read_user
from scoring.facade.pieces import Piece, each_piece, never, working_bytes
from scoring.facade.snapshot import Snapshot
from scoring.id_index import IdIndex
from scoring.model import Inputs, ScoringModel
from scoring.ranking import SCORES, Prepared, Ranking, explain
from scoring.runs import memory_budget
from scoring.validation.data_errors import refusal
from scoring.validation.normalise import examine

__all__ = [
    "ALL_PAIRS_COLUMNS",
    "RANKED_COLUMNS",
    "SCORE_COLUMNS",
    "Pair",
    "explanation",
    "inputs_of",
    "listed_scores",
    "nobody",
    "pair_scores",
    "pairs_frame",
    "ranking_frame",
    "require_room",
    "user_row",
]

SCORE_COLUMNS: Final = ("total_score", "base_score", "seo_score", "personal_score")
"""The legacy names of `engine.SCORES`, in that order: the match group is called seo."""
LEGACY_COLUMNS: Final = ("user_id", "job_id", *SCORE_COLUMNS)
ALL_PAIRS_COLUMNS: Final = (*LEGACY_COLUMNS, "eligible")
RANKED_COLUMNS: Final = (*LEGACY_COLUMNS, "rank")

BYTES_PER_PAIR: Final = 2 * 8 + 4 * 4 + 1
"""A row of all pairs in a frame: two int64 ids, four float32 scores, a flag."""

PAIRS_AT_ONCE: Final = 10_000
"""Listed pairs planned together."""


@dataclass(frozen=True)
class Pair:
    """A job and a user as they were read; `profile` None: the user counts as never having acted."""

    job: Row
    user: Row
    profile: int | None = None


# Frames


def inputs_of(snapshot: Snapshot, users: pd.DataFrame, jobs: pd.DataFrame) -> Inputs:
    """The rows of two frames, in their order, with the snapshot's history and statistics.

    Columns may have their legacy names; one that is not there is missing in every row.
    Raises DataError naming table, column and row: an id twice, infinity, what is no number.
    """
    widths = snapshot.code_widths
    found = {name: examine(name, frame, code_width=widths) for name, frame in (("users", users), ("jobs", jobs))}
    if any(len(table.each) for table in found.values()):
        raise refusal({name: table.each for name, table in found.items()})
    return Inputs.of(snapshot.statistics, users=found["users"].frame, jobs=found["jobs"].frame)


def require_room(n_users: int, n_jobs: int, chunk_size: int, workers: int | None) -> None:
    """Raises NotEnoughMemoryError where a frame of every pair cannot fit, with the bytes and the ways out."""
    pairs = n_users * n_jobs
    needed = pairs * BYTES_PER_PAIR + (working_bytes(n_users, n_jobs, chunk_size, workers) if pairs else 0)
    what = f"A DataFrame of all {n_users:,} × {n_jobs:,} = {pairs:,} pairs"
    ways = ["top_k=40 for the best jobs of each user", "out=DIRECTORY for all pairs as a Parquet dataset"]
    memory_budget.require(needed, what, ways)


def pairs_frame(
    inputs: Inputs,
    model: ScoringModel,
    *,
    chunk_size: int,
    workers: int | None = None,
    cancelled: Callable[[], bool] = never,
) -> pd.DataFrame:
    """(n · m) rows of `ALL_PAIRS_COLUMNS`, in (user, job) order of the inputs. See `require_room`."""
    n_users, n_jobs = len(inputs.users), len(inputs.jobs)
    scores = np.empty((len(SCORES), n_users, n_jobs), dtype=np.float32)
    eligible = np.empty((n_users, n_jobs), dtype=bool)

    def take(piece: Piece) -> None:
        rows = slice(piece.first, piece.first + len(piece.user_id))
        scores[:, rows], eligible[rows] = piece.scores, piece.eligible

    if n_users and n_jobs:
        each_piece(inputs, model, take, chunk_size=chunk_size, workers=workers, cancelled=cancelled)
    columns: dict[str, NDArray[Any]] = {
        "user_id": np.repeat(inputs.users.user_id, n_jobs),
        "job_id": np.tile(inputs.jobs.job_id, n_users),
    }
    columns |= dict(zip(SCORE_COLUMNS, scores.reshape(len(SCORES), -1), strict=True))
    # copy=False: by default pandas would gather the columns into new blocks, and need the memory twice
    return pd.DataFrame(columns | {"eligible": eligible.ravel()}, copy=False)


def ranking_frame(
    prepared: Prepared,
    users: NDArray[np.integer],
    k: int,
    *,
    chunk_size: int,
    cancelled: Callable[[], bool] = never,
) -> pd.DataFrame:
    """`RANKED_COLUMNS` of the k best eligible jobs of the users at these rows, in that order, best first.

    Raises ConfigurationError where k is no whole number, 1 or more.
    """
    scorer, frames = prepared.scorer, []
    for start in range(0, max(len(users), 1), chunk_size):
        ranking = scorer.top_k(k, users[start : start + chunk_size], cancelled=cancelled)
        if cancelled():
            raise RunCancelledError("The request was stopped before its end.")
        frames.append(_legacy_ranking(ranking))
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]


def _legacy_ranking(ranking: Ranking) -> pd.DataFrame:
    frame = ranking.frame().rename(columns=dict(zip(SCORES, SCORE_COLUMNS, strict=True)))
    return frame[list(RANKED_COLUMNS)]


# Listed pairs


def listed_scores(snapshot: Snapshot, model: ScoringModel, pairs: Sequence[Pair]) -> pd.DataFrame:
    """`user_id, job_id` (<NA> where a row names none) and `SCORE_COLUMNS` of each pair, in order.

    Not kept. A call takes 18 ms of processor time and 0.02 for each pair; looking a pair up takes 0.13, most of it for
    the key, which holds all that both rows say. So keeping would pay for fewer than about 250 pairs asked for again
    (100: 14 ms for 28; 1000: 112 for 61), and cost those 0.13 ms for each pair that is new.

    Raises DataError naming the position, the column and the value.
    """
    frames = [
        _listed(snapshot, model, pairs[start : start + PAIRS_AT_ONCE])
        for start in range(0, max(len(pairs), 1), PAIRS_AT_ONCE)
    ]
    return pd.concat(frames, ignore_index=True)


def pair_scores(snapshot: Snapshot, model: ScoringModel, pair: Pair) -> Mapping[str, float]:
    """The four scores of one pair by name, kept for whoever asks again for rows that say the same."""

    def compute() -> dict[str, float]:
        frame = listed_scores(snapshot, model, [pair])
        return {name: float(frame[name].iloc[0]) for name in SCORE_COLUMNS}

    return snapshot.layers.scores.get(_pair_key(snapshot, model, pair), compute)


def _pair_key(snapshot: Snapshot, model: ScoringModel, pair: Pair) -> tuple[Hashable, ...]:
    return (*snapshot.statistics.version, model_key(model), frozen(pair.job), frozen(pair.user), pair.profile)


def _listed(snapshot: Snapshot, model: ScoringModel, pairs: Sequence[Pair]) -> pd.DataFrame:
    jobs, job_row = _different([pair.job for pair in pairs], [id(pair.job) for pair in pairs])
    users, user_row = _different([_as_known(pair) for pair in pairs], [(id(pair.user), pair.profile) for pair in pairs])
    profiled = np.zeros(len(users), dtype=bool)
    profiled[user_row] = [pair.profile is not None for pair in pairs]
    inputs, named = _rows(snapshot, jobs, users, profiled)
    which = {"user_id": user_row, "job_id": job_row}
    frame = pd.DataFrame({name: named[name].array[rows] for name, rows in which.items()})
    scorer = Prepared.of(inputs, model, workers=1).scorer
    for name, values in zip(SCORE_COLUMNS, scorer.listed(user_row, job_row), strict=True):
        frame[name] = values
    return frame


def _different(rows: list[Row], marks: list[Any]) -> tuple[list[Row], NDArray[np.int64]]:
    """The rows with different marks, and which of them each row is."""
    place: dict[Any, int] = {}
    which = np.array([place.setdefault(mark, len(place)) for mark in marks], dtype=np.int64)
    first = dict(zip(reversed(which.tolist()), reversed(rows), strict=True))
    return [first[n] for n in range(len(place))], which


def _as_known(pair: Pair) -> Row:
    return pair.user if pair.profile is None else pair.user | {"user_id": pair.profile}


def _rows(
    snapshot: Snapshot, jobs: Sequence[Row], users: Sequence[Row], profiled: NDArray[np.bool_]
) -> tuple[Inputs, dict[str, pd.Series]]:
    """Inputs of rows that were read, and their ids; where a row names none, the id is <NA>, and nobody's within."""
    dataset = snapshot.dataset
    frames: dict[str, pd.DataFrame] = {}
    named: dict[str, pd.Series] = {}
    for table, key, rows, known in (
        ("jobs", "job_id", jobs, dataset.jobs.job_id),
        ("users", "user_id", users, dataset.users.user_id),
    ):
        frame = canonical_frame(table, [{key: nobody(known)} | row for row in rows], snapshot.code_widths)
        named[key] = frame[key].astype("Int64").where(np.array([key in row for row in rows], dtype=bool))
        frames[table] = frame
    inputs = Inputs.of(snapshot.statistics, jobs=frames["jobs"], users=frames["users"], with_profile=profiled)
    return inputs, named


def nobody(known: NDArray[np.int64]) -> int:
    """The first id below 0 that the dataset does not have; its ids are sorted."""
    negative = known[: np.searchsorted(known, 0)]
    free = -1 - np.arange(len(negative) + 1)
    return int(free[~np.isin(free, negative)][0])


def explanation(snapshot: Snapshot, model: ScoringModel, pair: Pair) -> dict[str, Any]:
    """The pair's scores taken apart, as plain values: see `ScoringEngine.get_score_explanation`."""
    found = snapshot.layers.explanations.get(
        (*_pair_key(snapshot, model, pair), model.name),  # (which it tells)
        lambda: _explanation(snapshot, model, pair),
    )
    return deepcopy(found)  # (whoever gets it may change it)


def _explanation(snapshot: Snapshot, model: ScoringModel, pair: Pair) -> dict[str, Any]:
    profiled = np.array([pair.profile is not None])
    inputs, named = _rows(snapshot, [pair.job], [_as_known(pair)], profiled)
    prepared = Prepared.of(inputs, model, workers=1)
    found = explain(prepared.plan, inputs, 0, 0)
    ids = {name: _plain(values.iloc[0]) for name, values in named.items()}
    scores = (found.total, *found.groups.values())
    return {
        "user_id": ids["user_id"],
        "job_id": ids["job_id"],
        "model": found.model,
        **dict(zip(SCORE_COLUMNS, scores, strict=True)),
        "eligible": found.eligible,
        "not_ranked": list(found.not_ranked),
        "components": [
            {
                "component": part.name,
                "group": part.group,
                "value": part.value,
                "weight": part.weight,
                "points": part.points,
                "facts": _plain(part.facts),
            }
            for part in found.parts
        ],
    }


def _plain(value: Any) -> Any:
    """Facts as Python's own values: None for what is missing, no NumPy numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if value is pd.NA or value is pd.NaT or value != value else value


def user_row(snapshot: Snapshot, user_id: int) -> Row:
    """What the data knows of a user; of one it does not know, the id."""
    key = (snapshot.dataset.users_fingerprint, user_id)
    return dict(snapshot.layers.users.get(key, lambda: _read_user_row(snapshot, user_id)))


def _read_user_row(snapshot: Snapshot, user_id: int) -> Row:
    users = snapshot.dataset.tables.users
    place = int(IdIndex(snapshot.dataset.users.user_id).find(np.array([user_id]))[0][0])
    if place < 0:
        return {"user_id": user_id}
    return read_user(users.iloc[place])
