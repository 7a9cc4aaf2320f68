"""A run under way: what it is to do, and what it has done."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scoring.errors import RunCancelledError
from scoring.model import ScoringModel
from scoring.ranking.prepared import Prepared
from scoring.ranking.ranking import Ranking
from scoring.ranking.scorer import Scorer, list_length
from scoring.runs import memory_budget
from scoring.runs.data_summary import facts_of
from scoring.runs.gate import Gate, KeptAsideError, Verdict
from scoring.runs.gate.gate import BYTES_PER_ROW, Tonight
from scoring.runs.gate.verdict import KEPT_ASIDE
from scoring.runs.publishers import Earlier, Lists, RunCounts, RunHead, Shard, Sink, publisher
from scoring.runs.run_key import code_version, new_run_id, run_key
from scoring.runs.shards import Pieces, cut, shard_users
from scoring.telemetry import Stopwatch

__all__ = ["Work"]


class Work:
    """One run under way."""

    def __init__(
        self,
        prepared: Prepared,
        k: int,
        users: Sequence[int] | NDArray[np.integer] | None,
        chunk_size: int,
        workers: int | None,
        sinks: Sequence[Sink],
        watch: Stopwatch,
        now: Callable[[], datetime],
    ) -> None:
        self.prepared, self.k, self.sinks, self.watch = prepared, list_length(k), sinks, watch
        self.chunk_size, self.whole = chunk_size, users is None
        self.chunk_size_wanted = chunk_size  # where memory is short, chunks are smaller
        self.scorer = Scorer(prepared.plan, workers=workers) if workers is not None else prepared.scorer
        wanted = np.arange(len(prepared.plan.user_id)) if users is None else np.unique(prepared.user_rows(users))
        active = wanted[prepared.inputs.users.active[wanted]]
        # results come by user_id, whatever the order of the rows
        self.rows = active[np.argsort(prepared.plan.user_id[active], kind="stable")]
        self.n_inactive = len(wanted) - len(active)
        self.n_not_asked = len(prepared.plan.user_id) - len(wanted)
        self.n_rows = self.n_looked_at = 0
        self.n_there = 0  # users whose lists a run before this one had found and kept
        self.was_published = self.let_through = False
        self._done: list[Mapping[int, int]] = [{} for _ in sinks]  # by sink, shard → rows
        self.predicted_bytes = 0
        self.first = Ranking.of_nobody()
        self._created_at = now()

    @cached_property
    def head(self) -> RunHead:
        inputs, model = self.prepared.inputs, self.prepared.model
        clock, fingerprint = inputs.basis.clock, inputs.fingerprint
        return RunHead(
            run_id=new_run_id(self._created_at, model.digest, fingerprint, str(self.k)),
            created_at=self._created_at,
            model=model.name,
            model_digest=model.digest,
            weights={part.name: float(weight) for part, weight in zip(model.parts, model.flat_weights, strict=True)},
            definition=model.as_dict(),
            dataset_fingerprint=fingerprint,
            as_of=clock.as_of,
            clock_set_back=clock.set_back,
            k=self.k,
            chunk_size=self.chunk_size,
            workers=self.scorer.workers,
            code_version=code_version(),
            whole=self.whole,
            key=run_key(model, fingerprint, self.k, self._user_id, self._shard_users),
            facts=facts_of(self.prepared),
        )

    @property
    def _user_id(self) -> NDArray[np.int64]:
        return self.prepared.plan.user_id[self.rows]

    @property
    def _shard_users(self) -> int:
        return shard_users(min(self.k, self.n_eligible))

    @cached_property
    def shards(self) -> list[Shard]:
        """By number. Their bounds depend on what the key names alone, so that any process cuts them alike."""
        return cut(self._user_id, self._shard_users)

    @property
    def n_eligible(self) -> int:
        """Jobs that no rule leaves out for everybody."""
        return self.scorer.n_eligible

    def fit_memory(self, gate: Gate | None) -> None:
        """Halves chunks until what they take is there. Raises NotEnoughMemoryError: not even a user at a time fits."""
        there = memory_budget.available()
        while self.chunk_size > 1 and self._needed_bytes(gate) > there:
            self.chunk_size = min(self.chunk_size, len(self.rows)) // 2 or 1
        needed = self._needed_bytes(gate)
        self.predicted_bytes = max(memory_budget.peak(), memory_budget.resident() + needed)
        k, n_users = min(self.k, self.n_eligible), len(self.rows)
        what = f"A run of {n_users:,} users one at a time, {k:,} jobs each,"
        memory_budget.require(needed, what, ["smaller lists (k)", "fewer users at a time"], there=there)

    def _needed_bytes(self, gate: Gate | None) -> int:
        k, n_users = min(self.k, self.n_eligible), len(self.rows)
        in_chunk = k * min(self.chunk_size, n_users)
        return memory_budget.predict_run(
            program_bytes=self.prepared.plan.program.nbytes,
            n_users=n_users,
            k=k,
            chunk_size=self.chunk_size,
            workers=self.scorer.workers,
            held_bytes=sum(sink.held_bytes(k * n_users, in_chunk) for sink in self.sinks)
            + (BYTES_PER_ROW * min(k * n_users, publisher.ROWS_PER_SHARD) if gate is not None else 0),
        )

    def open(self, resume: bool) -> None:
        """Claims every sink; with `resume` goes on with what is there of a run of the same key, else begins anew."""
        found = [sink.claim(self.head) for sink in self.sinks]
        unfinished = [run for run in found if run is not None and not run.published]
        newest = max(unfinished, key=lambda run: run.run_id) if unfinished else _same(found)
        if not resume or newest is None:
            if unfinished:
                self._tell(max(unfinished, key=lambda run: run.shards))
            for sink in self.sinks:
                sink.open(self.head)
            return
        self.was_published = newest.published
        same = [run for run in found if run is not None and run.run_id == newest.run_id]
        self.let_through = any(run.published or run.let_through for run in same)
        self.head = replace(self.head, run_id=newest.run_id, created_at=newest.created_at)
        self._done = [sink.go_on(self.head, self.shards) for sink in self.sinks]

    def _tell(self, left: Earlier) -> None:
        warnings.warn(
            f"An unfinished run of the same data, model and settings is there ({left.run_id}, {left.shards:,} of "
            f"{len(self.shards):,} parts done): --resume goes on with such a run; without it this one is removed, "
            "also where its gate kept it aside.",
            UserWarning,
            stacklevel=4,
        )

    def rank(self, progress: Callable[[int, int], None], cancelled: Callable[[], bool]) -> None:
        """Scores what is missing, chunk by chunk, and hands it to the sinks. Raises RunCancelledError."""
        missing, rows = self._missing()
        total = len(self.rows)
        done = self.n_there = total - len(rows)

        def just_done(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        progress(done, total)
        pieces = Pieces(missing)
        for chunk in self._chunks(rows):
            if not self._rank_chunk(chunk, pieces, cancelled, just_done):
                raise RunCancelledError(f"The run was stopped after {done:,} of {total:,} users. Nothing is published.")
        if not total:
            self._write(Ranking.of_nobody(), self.shards[0], True)
        elif not len(self.first.user_id):
            self.first = self.scorer.top_k(self.k, self.rows[:1])

    def _rank_chunk(
        self,
        chunk: NDArray[np.int64],
        pieces: Pieces,
        cancelled: Callable[[], bool],
        progress: Callable[[int], None],
    ) -> bool:
        """False: cancelled. Its lists are gone before the next chunk's are made."""
        with self.watch.phase("rank"):
            ranking = self.scorer.top_k(self.k, chunk, cancelled=cancelled, progress=progress)
        if cancelled():
            return False
        if chunk[0] == self.rows[0]:
            self.first = ranking.first()
        self.n_rows += int(ranking.count.sum())
        self.n_looked_at += ranking.looked_at
        with self.watch.phase("write"):
            for piece, shard, ends in pieces.of(ranking):
                self._write(piece, shard, ends)
        return True

    def _chunks(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Of `chunk_size` users, or of fewer while others take the memory that was there before."""
        start, per_user = 0, min(self.k, self.n_eligible) * memory_budget.BYTES_PER_RANKED
        while start < len(rows):
            size = min(self.chunk_size, len(rows) - start)
            there = memory_budget.available()
            while size > 1 and size * per_user > there:
                size //= 2
            yield rows[start : start + size]
            start += size

    def _missing(self) -> tuple[list[Shard], NDArray[np.int64]]:
        """Shards that some sink lacks, and the rows of their users; counts the rows of the others."""
        lacking, rows, at = [], [], 0
        for shard in self.shards:
            here = self.rows[at : at + shard.users]
            at += shard.users
            if self.sinks and all(shard.number in done for done in self._done):
                self.n_rows += self._done[0][shard.number]
            else:
                lacking.append(shard)
                rows.append(here)
        return lacking, np.concatenate([self.rows[:0], *rows])

    def _write(self, piece: Ranking, shard: Shard, ends: bool) -> None:
        for sink, done in zip(self.sinks, self._done, strict=True):
            if shard.number not in done:
                if len(piece.user_id):
                    sink.write(piece)
                if ends:
                    sink.end_shard(shard)

    def counts(self, refused: Mapping[str, int]) -> RunCounts:
        """`refused`: what was refused before the data came to the door, by table."""
        ledger = self.prepared.dataset.ledger
        before = {table: {"at the import": count} for table, count in refused.items() if count}
        bad = {table: {**before.get(table, {}), **ledger[table].refused} for table in ("users", "jobs", "actions")}
        n_jobs = len(self.prepared.plan.job_id)
        users = {"inactive": self.n_inactive} | ({} if self.whole else {"not asked for": self.n_not_asked})
        return RunCounts(
            users_read=len(self.prepared.plan.user_id) + sum(bad["users"].values()),
            users_scored=len(self.rows),
            users_filtered=users,
            users_refused=bad["users"],
            jobs_read=n_jobs + sum(bad["jobs"].values()),
            jobs_ranked=self.n_eligible,
            jobs_filtered=self.prepared.plan.exclusions.ledger(),
            jobs_refused=bad["jobs"],
            actions_read=ledger["actions"].read + sum(before.get("actions", {}).values()),
            actions_used=ledger["actions"].used,
            actions_left_out=ledger["actions"].left_out,
            actions_refused=bad["actions"],
            rows=self.n_rows,
        )

    def judge(self, gate: Gate | None, counts: RunCounts) -> Verdict | None:
        """What a gate says of the run, which is kept beside it. None: it is not asked, or was before the run stopped.

        Raises KeptAsideError.
        """
        if self.let_through:  # readers of some place may have it already
            return None
        verdict = None
        if gate is not None and self.whole:
            plan = self.prepared.plan
            jobs = plan.job_id[plan.exclusions.open_to_all]
            verdict = gate.judge(
                Tonight(self.head, counts, self.shards, self._user_id, jobs, self.sinks, self.prepared.model, self._by)
            )
        for sink in self.sinks:
            sink.take_verdict(None if verdict is None else verdict.record(), counts)
        if verdict is not None and verdict.outcome == KEPT_ASIDE:
            raise KeptAsideError(verdict)
        return verdict

    def _by(self, model: ScoringModel, k: int) -> Iterator[tuple[Lists, NDArray[np.int64]]]:
        """The first k jobs of the same users by another model, chunk by chunk, and the users; nothing is written.

        Raises NotEnoughMemoryError: its plan does not fit beside this one.
        """
        memory_budget.require(
            self._needed_bytes(None), f"Ranking by the model {model.name}, too,", ["give it more memory"]
        )
        other = self.prepared.with_model(model)
        scorer = Scorer(other.plan, workers=self.scorer.workers, before=other.before)
        for chunk in self._chunks(self.rows):
            yield Lists.of_ranking(scorer.top_k(k, chunk)), other.plan.user_id[chunk]


def _same(found: Sequence[Earlier | None]) -> Earlier | None:
    """The run that all places have published; None where one of them has another, or none."""
    different = {None if run is None else run.run_id for run in found}
    return found[0] if len(different) == 1 else None
