"""Methods for single pairs and lists of pairs: legacy objects, mappings and rows of DataFrames."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from scoring.errors import ConfigurationError, DataError, ScoringError, shorten_repr
from scoring.facade import legacy_computation
from scoring.facade.engine_state import EngineState, run_in_thread
from scoring.facade.legacy_computation import PairRows
from scoring.facade.legacy_input import Row, read_job, read_profile_id, read_user
from scoring.facade.legacy_result_types import PairScores, select_argument
from scoring.facade.snapshot import LoadedSnapshot, Snapshot

__all__ = ["PairMethods"]

_PAIRS_PER_PAUSE = 100
"""Objects read before other tasks may run: about 10 ms."""


class PairMethods(EngineState):
    """Scores of pairs, eligible or not. They equal the scores of a batch, to the last bit of the float32.

    Objects are read in the calling task, because they may belong to its session. The work runs in a thread, except for
    the score of a pair that takes about 1 ms.
    A job or a user without an id counts as unknown to the data.
    """

    async def calculate_total_score(self, job: Any, user: Any, user_profile: Any = None) -> float:
        """Return the total score, 0 to 100: the canonical float32 as a float.

        `user_profile=None`: the user counts as having no actions. With a profile (an object or a mapping with or
        without `user_id`, or the id), the actions and factors of that user in the data count.

        Raises
        ------
        DataError: If a value is invalid, or if the profile belongs to another user or has no user_id.
        """
        found = await self._data.find_async()
        return await self._score_one(_read_pair(found[0], job, user, user_profile), "total_score", found)

    async def calculate_base_score(self, job: Any) -> float:
        """Return the score of the base group. Raises DataError if a value is invalid."""
        found = await self._data.find_async()
        row = read_job(job, found[0].dataset.board)
        return await self._score_one(PairRows(row, {}), "base_score", found)

    async def calculate_seo_score(self, job: Any, user: Any) -> float:
        """Return the score of the match group (legacy name: `seo`). Raises DataError if a value is invalid."""
        found = await self._data.find_async()
        board = found[0].dataset.board
        return await self._score_one(PairRows(read_job(job, board), read_user(user, board)), "seo_score", found)

    async def calculate_personal_score(self, job: Any, user_profile: Any) -> float:
        """Return the score of the personal group for the user with `user_profile.user_id` (or the id itself).

        None: for a user without actions (40 under `classic`).

        Raises
        ------
        DataError: If a value is invalid, or if the profile has no user_id.
        """
        found = await self._data.find_async()
        snapshot = found[0]
        row = read_job(job, snapshot.dataset.board)
        if user_profile is None:
            return await self._score_one(PairRows(row, {}), "personal_score", found)
        given = _profile_user({}, user_profile)
        user_id = int(snapshot.dataset.user_lookup.to_numbers(given)[0])
        known = legacy_computation.find_user_row(snapshot, user_id)
        return await self._score_one(PairRows(row, known, user_id), "personal_score", found)

    async def batch_calculate_scores(
        self, pairs: Iterable[Any] | None = None, *, job_user_pairs: Iterable[Any] | None = None
    ) -> PairScores:
        """Return the total scores of (job, user) or (job, user, user_profile), as `calculate_total_score` does.

        The result is a list. Its `frame()` has one row per pair, in order: user_id, job_id int64, total_score,
        base_score, seo_score, personal_score float32. `job_user_pairs` is the legacy name of `pairs`.

        Raises
        ------
        DataError: If a pair has another length, no id, or an invalid value; the message has its position.
        """
        given = select_argument(pairs, "pairs", job_user_pairs, "job_user_pairs")
        snapshot = await self._data.get_async()
        read = await _read_pairs(snapshot, given)

        def work(_: Callable[[], bool]) -> PairScores:
            with self.operations.measure("batch_calculate_scores", len({id(pair.user) for pair in read}), len(read)):
                frame = legacy_computation.score_listed_pairs(snapshot, self.model, read)
            return PairScores(frame.astype({"user_id": "int64", "job_id": "int64"}))

        return await run_in_thread(work)

    async def get_score_explanation(self, job: Any, user: Any, user_profile: Any = None) -> dict[str, Any]:
        """Return the scores of a pair and their parts, as plain values.

        Keys: user_id, job_id (None if missing), model, total_score, base_score, seo_score, personal_score,
        component_scores (the three group scores), score_factors (fee_boost: the fee; salary_attractiveness, 5 to 30,
        location_match and category_match, 0 to 100: formulas of `classic`), recommendations (a sentence for each group
        below 50 while the total is below 70), eligible, not_ranked (rules that exclude the job for the user),
        unknown_values (of both rows: values that no reference table knows), job_values and user_values (own columns; of
        users those with `show`), components: for each component its name, group, value (0 to 100), weight (flat),
        points (value × weight; their sum is the total) and facts.

        Raises
        ------
        DataError: If a value is invalid.
        """
        found = await self._data.find_async()
        pair = _read_pair(found[0], job, user, user_profile)

        def work(_: Callable[[], bool]) -> dict[str, Any]:
            snapshot = self._data.count_request(found)
            with self.operations.measure("get_score_explanation", 1, 1):
                return legacy_computation.explain_pair(snapshot, self.model, pair)

        return await run_in_thread(work)

    async def _score_one(self, pair: PairRows, score: str, found: LoadedSnapshot) -> float:
        """Return a score of a pair: at once if it takes about 1 ms, because a thread would delay it by another 1 ms."""
        operation, model, snapshot, scores = f"calculate_{score}", self.model, None, None
        if legacy_computation.is_prepared_for_pairs(found[0], model) and not (found[1] or pair.has_text_ids):
            start, snapshot = time.perf_counter(), self._data.count_request(found)
            with suppress(ScoringError):  # the thread raises it again, and counts the failure
                scores = legacy_computation.score_pair_at_once(snapshot, model, pair)
            if scores is not None:
                self.operations.record(operation, 1, 1, time.perf_counter() - start)
                return scores[score]

        def work(_: Callable[[], bool]) -> float:
            view = snapshot or self._data.count_request(found)
            with self.operations.measure(operation, 1, 1):
                return legacy_computation.score_pair(view, model, pair)[score]

        return await run_in_thread(work)


def _read_pair(snapshot: Snapshot, job: Any, user: Any, profile: Any) -> PairRows:
    board = snapshot.dataset.board
    row = read_user(user, board)
    return PairRows(read_job(job, board), row, None if profile is None else _profile_user(row, profile))


def _profile_user(user: Row, profile: Any) -> int | str:
    """Return the user whose history counts. Raises DataError if it is another user, or no user_id is given.

    A text and a number may be the same user. `PairRows.resolve` compares them.
    """
    of_profile, of_user = read_profile_id(profile), read_profile_id(user) if "user_id" in user else None
    if of_profile is None and of_user is None:
        raise DataError(
            "The profile or the user must have a user_id; it selects the action history.",
            reason="missing value",
            table="users",
            column="user_id",
        )
    if isinstance(of_profile, int) and isinstance(of_user, int) and of_profile != of_user:
        raise legacy_computation.make_profile_error(of_profile, of_user)
    found = of_user if of_profile is None else of_profile
    assert found is not None
    return found


async def _read_pairs(snapshot: Snapshot, pairs: Iterable[Any]) -> list[PairRows]:
    """Read each job and user once, however many pairs it belongs to."""
    if not isinstance(pairs, Iterable):
        raise ConfigurationError(f"pairs is {shorten_repr(pairs)}. Use tuples (job, user).", key=("pairs",))
    given = list(pairs)
    board = snapshot.dataset.board
    jobs: dict[int, Row] = {}
    users: dict[int, Row] = {}
    read = []
    for place, pair in enumerate(given):
        if not isinstance(pair, tuple | list) or len(pair) not in (2, 3):
            kind = type(pair).__name__
            found = f"a {kind} of length {len(pair)}" if isinstance(pair, tuple | list) else f"of type {kind}"
            raise DataError(
                f"pairs[{place}] is {found}. Use a tuple (job, user) or (job, user, user_profile).",
                row=place,
                reason="number of fields",
            )
        job, user, profile = (*pair, None)[:3]
        try:
            if id(job) not in jobs:
                jobs[id(job)] = read_job(job, board)
            if id(user) not in users:
                users[id(user)] = read_user(user, board)
            row, known = jobs[id(job)], users[id(user)]
            for name, what in (("job_id", row), ("user_id", known)):
                if name not in what:
                    raise DataError(
                        f"{name} is missing.",
                        reason="missing value",
                        table="jobs" if name == "job_id" else "users",
                        column=name,
                    )
            read.append(PairRows(row, known, None if profile is None else _profile_user(known, profile)))
        except DataError as error:
            raise DataError(
                f"pair {place}: {error}",
                error.problems,
                reason=error.reason,
                table=error.table,
                column=error.column,
                row=place,
                value=error.value,
            ) from error
        if place % _PAIRS_PER_PAUSE == 0:
            await asyncio.sleep(0)
    return read
