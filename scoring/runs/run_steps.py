"""A run in progress: the steps of `runner.run`, with its shards and counts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from scoring.bundle.ranked_lists import Ranking, StrategyChoice
from scoring.errors import OutputError, RunCancelledError, pluralize
from scoring.model import ScoringModel
from scoring.ranking.prepared import Prepared
from scoring.ranking.scorer import Scorer
from scoring.runs import memory_forecast, shards
from scoring.runs.data_summary import summarize_data
from scoring.runs.executors.executor import Executor, ShardRanker
from scoring.runs.executors.local_executor import LocalExecutor, cut_chunks
from scoring.runs.gate import GateFailedError, Verdict
from scoring.runs.gate.gate import BYTES_PER_ROW, CandidateRun
from scoring.runs.gate.verdict import Outcome
from scoring.runs.publishers import (
    Claim,
    Destination,
    ExistingRun,
    ListBlock,
    OpenRun,
    Publisher,
    RunCounts,
    RunMetadata,
)
from scoring.runs.reranker import rerank
from scoring.runs.run_key import code_version, new_run_id, run_key
from scoring.runs.shard_writer import ShardWriter
from scoring.runs.shards import Shard, ShardResult, ShardTask, count_users_per_shard, cut_shards
from scoring.runs.spec import RunSpec
from scoring.telemetry import Stopwatch, fault_injection

__all__ = ["ActiveRun"]


class ActiveRun:
    """One run in progress. `runner.run` calls the steps in order: fit_memory, open, rank, judge, publish."""

    def __init__(
        self,
        prepared: Prepared,
        spec: RunSpec,
        publishers: Sequence[Publisher],
        watch: Stopwatch,
        created_at: datetime,
    ) -> None:
        self.prepared, self.spec, self.publishers, self.watch = prepared, spec, publishers, watch
        self.rank_shard = ShardRanker.of(prepared, spec.n_candidates, spec.workers)
        self.chunk_size = spec.chunk_size  # reduced by `fit_memory` if memory is short
        plan = prepared.plan
        selected = np.arange(len(plan.user_id)) if spec.users is None else np.unique(prepared.user_rows(spec.users))
        active = selected[prepared.inputs.users.active[selected]]
        # results are ordered by user_id, independent of the order of the rows
        self.rows = active[np.argsort(plan.user_id[active], kind="stable")]
        self.n_inactive = len(selected) - len(active)
        self.n_not_selected = len(plan.user_id) - len(selected)
        self.n_rows = self.n_pairs_scored = 0
        self.n_users_resumed = 0
        self.was_published = self.is_past_gate = False
        self.predicted_bytes = 0
        self.first = Ranking.empty()
        self.choice: StrategyChoice | None = None
        self.destinations: list[Destination] = []
        self._created_at = created_at
        self._claims: list[Claim] = []
        self._open_runs: list[OpenRun] = []
        self._writer = ShardWriter(())
        self._received: dict[int, bytes] = {}  # shard → digest of the candidates received

    @cached_property
    def metadata(self) -> RunMetadata:
        inputs, model, k = self.prepared.inputs, self.prepared.model, self.spec.k
        clock, fingerprint = inputs.basis.clock, inputs.fingerprint
        on_data = self.prepared.plan.list_rules
        return RunMetadata(
            run_id=new_run_id(self._created_at, model.digest, fingerprint, str(k)),
            created_at=self._created_at,
            model=model.name,
            model_digest=model.digest,
            weights={part.name: float(weight) for part, weight in zip(model.parts, model.flat_weights, strict=True)},
            definition=model.as_dict(),
            dataset_fingerprint=fingerprint,
            as_of=clock.as_of,
            clock_set_back=clock.set_back,
            k=k,
            chunk_size=self.chunk_size,
            workers=self.rank_shard.workers,
            code_version=code_version(),
            whole=self.spec.covers_all_users,
            key=run_key(
                model,
                fingerprint,
                k,
                self._user_id,
                self._users_per_shard,
                None if self.spec.reranker is None else self.spec.reranker.digest,
                None if on_data is None else on_data.rules.digest,
            ),
            facts=summarize_data(self.prepared),
            list_rules=() if on_data is None else on_data.rules.as_list(),
        )

    @property
    def _user_id(self) -> NDArray[np.int64]:
        return self.prepared.plan.user_id[self.rows]

    @property
    def _list_width(self) -> int:
        """Maximum number of jobs in a list."""
        return min(self.spec.k, self.n_eligible)

    @property
    def _users_per_shard(self) -> int:
        return count_users_per_shard(self._list_width)

    @cached_property
    def shards(self) -> list[Shard]:
        """The shards by number. The key covers all that their bounds depend on, so all processes cut equal shards."""
        return cut_shards(self._user_id, self._users_per_shard)

    @cached_property
    def _tasks(self) -> list[ShardTask]:
        ends = np.cumsum([shard.users for shard in self.shards])
        return [
            ShardTask(shard, self.rows[end - shard.users : end]) for shard, end in zip(self.shards, ends, strict=True)
        ]

    @property
    def n_eligible(self) -> int:
        """Number of jobs that no rule excludes for every user."""
        return self.rank_shard.n_eligible

    # Memory

    def fit_memory(self) -> None:
        """Halve chunks until they fit in memory.

        Raises
        ------
        NotEnoughMemoryError: If a single user does not fit.
        """
        available = memory_forecast.measure_available()
        while self.chunk_size > 1 and self._needed_bytes() > available:
            self.chunk_size = min(self.chunk_size, len(self.rows)) // 2 or 1
        needed = self._needed_bytes()
        self.predicted_bytes = max(memory_forecast.measure_peak(), memory_forecast.measure_resident() + needed)
        what = f"A run of {len(self.rows):,} users, one at a time, with {self._list_width:,} jobs each"
        memory_forecast.require(needed, what, ["use a smaller k"], available=available)

    def _needed_bytes(self, *, by_another_model: bool = False) -> int:
        n_users, width, candidates = len(self.rows), self._list_width, self.rank_shard.list_width
        rows = width * n_users
        # a shard and its parts, and the previous shard while it is written
        n_first = min(n_users, self._users_per_shard)
        held_users = 2 * n_first + min(n_users - n_first, n_first)
        held_bytes = memory_forecast.BYTES_PER_RANKED * candidates * held_users
        held_bytes += sum(
            publisher.memory_estimate(rows, width * self._users_per_shard) for publisher in self.publishers
        )
        if self.spec.gate is not None and not by_another_model:
            held_bytes += BYTES_PER_ROW * min(rows, shards.ROWS_PER_SHARD)
        return memory_forecast.predict_run(
            program_bytes=self.prepared.plan.program.nbytes,
            search_bytes=self.prepared.plan.search_bytes,
            n_users=n_users,
            k=candidates,
            chunk_size=self.chunk_size,
            workers=self.rank_shard.workers,
            held_bytes=held_bytes,
        )

    # The run, step by step

    def open(self) -> None:
        """Claim every publisher. With `resume`, continue an existing run of the same key; otherwise start a new one."""
        for publisher in self.publishers:
            self._claims.append(publisher.claim(self.metadata))
        existing = [claim.existing for claim in self._claims]
        unfinished = [run for run in existing if run is not None and not run.is_published]
        newest = max(unfinished, key=lambda run: run.run_id) if unfinished else _find_common_run(existing)
        if not self.spec.resume or newest is None:
            if unfinished:
                self._warn_of_unfinished(max(unfinished, key=lambda run: run.shards))
            for claim in self._claims:
                self._open_runs.append(claim.begin(self.metadata))
            return
        self.was_published = newest.is_published
        same = [run for run in existing if run is not None and run.run_id == newest.run_id]
        self.is_past_gate = any(run.is_published or run.is_past_gate for run in same)
        self.metadata = replace(self.metadata, run_id=newest.run_id, created_at=newest.created_at)
        for claim in self._claims:
            self._open_runs.append(claim.resume(self.metadata, self.shards))

    def _warn_of_unfinished(self, run: ExistingRun) -> None:
        warnings.warn(
            f"An unfinished run of the same data, model and settings exists ({run.run_id}, {run.shards:,} of "
            f"{pluralize(len(self.shards), 'shard')} written) and is deleted. To continue an unfinished run "
            "instead, use --resume.",
            UserWarning,
            stacklevel=4,
        )

    def rank(
        self, executor: Executor | None, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
    ) -> None:
        """Rank the shards that are missing from a publisher, then rerank and commit each.

        Raises
        ------
        RunCancelledError: If `cancelled` returns True.
        OutputError: If the executor does not return every shard, or returns a wrong one.
        """
        tasks = [task for task in self._tasks if not self._is_committed(task.shard)]
        total = len(self.rows)
        done = self.n_users_resumed = total - sum(task.shard.users for task in tasks)
        self.n_rows = sum(
            self._open_runs[0].committed[shard.number] for shard in self.shards if self._is_committed(shard)
        )

        def report_done(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total)

        progress(done, total)
        self._writer = ShardWriter(self._open_runs)
        if not total:
            self._commit(ShardResult(self.shards[0], Ranking.empty()))
            self._writer.wait()
            return
        if executor is None:
            executor = LocalExecutor(self.chunk_size, self._write_part)
        with closing(executor.map(self.rank_shard, tasks, progress=report_done, cancelled=cancelled)) as results:
            while self._accept_next(results):
                pass
        with self.watch.phase("write"):
            self._writer.wait()
        if cancelled():
            raise RunCancelledError(
                f"The run was stopped after {done:,} of {total:,} users. Nothing was published.", done=done, total=total
            )
        missing = [task.shard.number for task in tasks if task.shard.number not in self._received]
        if missing:
            raise OutputError(
                f"{type(executor).__name__}.map ended without the result of shard {missing[0]}, so nothing was "
                "published. It must yield the result of every task.",
                reason="missing shard",
                shard=missing[0],
            )
        if not len(self.first.user_id):  # another process committed the first shard
            result = self.rank_shard(ShardTask(self.shards[0], self.rows[:1]))
            self.first = rerank(result.ranking, self.spec.reranker, self.spec.k)
            self.choice = self.choice or result.ranking.choice

    def _is_committed(self, shard: Shard) -> bool:
        return bool(self._open_runs) and all(shard.number in run.committed for run in self._open_runs)

    def _accept_next(self, results: Generator[ShardResult, None, None]) -> bool:
        """Commit the next result; return False after the last. The result is freed before the next one is ranked."""
        with self.watch.phase("rank"):
            result = next(results, None)
        if result is None:
            return False
        if not self._is_new(result):
            return True
        self.choice = result.ranking.choice or self.choice
        self.n_pairs_scored += result.ranking.n_scored
        if self.spec.reranker is not None:
            with self.watch.phase("rerank"):
                lists = rerank(result.ranking, self.spec.reranker, self.spec.k)
                result = replace(result, ranking=lists)
        if not result.shard.number:
            self.first = result.ranking.first()
        self.n_rows += int(result.ranking.count.sum())
        with self.watch.phase("write"):
            self._commit(result)
        return True

    def _is_new(self, result: ShardResult) -> bool:
        """Return whether the shard is received for the first time.

        Raises
        ------
        OutputError: If the users are wrong, or a different result was received before.
        """
        number = result.shard.number
        task = self._tasks[number] if 0 <= number < len(self._tasks) else None
        if task is None:
            raise OutputError(
                f"Shard {number}: the executor's `map` yielded this shard, but no task has this number. Nothing was "
                "published. `map` must yield `rank_shard(task)` once for each task.",
                reason="unknown shard",
                shard=number,
            )
        if not np.array_equal(result.ranking.user_id, self.prepared.plan.user_id[task.rows]):
            raise OutputError(
                f"Shard {number}: the executor's `map` yielded lists of users that are not in the task. Nothing was "
                "published. `map` must yield `rank_shard(task)` once for each task.",
                reason="other users",
                shard=number,
            )
        if number not in self._received:
            self._received[number] = result.digest
            return True
        if self._received[number] != result.digest:
            raise OutputError(
                f"Shard {number}: the executor returned two different results, so nothing was published. Correct the "
                "executor, then start a new run without resume.",
                reason="different results",
                shard=number,
            )
        return False

    def _commit(self, result: ShardResult) -> None:
        self._writer.commit(replace(result, ranking=self.prepared.add_external_ids(result.ranking)))

    def _write_part(self, shard: Shard, ranking: Ranking) -> None:
        """Begin to write a shard while the rest of it is ranked. Its lists are final only without a reranker."""
        if self.spec.reranker is None:
            self._writer.write_part(shard, self.prepared.add_external_ids(ranking))

    def counts(self) -> RunCounts:
        ledger, refused = self.prepared.dataset.ledger, self.spec.refused
        at_import = {table: {"at the import": count} for table, count in refused.items() if count}
        rejected = {
            table: {**at_import.get(table, {}), **ledger[table].rejected} for table in ("users", "jobs", "actions")
        }
        n_jobs = len(self.prepared.plan.job_id)
        users = {"inactive": self.n_inactive} | (
            {} if self.spec.covers_all_users else {"not asked for": self.n_not_selected}
        )
        return RunCounts(
            users_read=len(self.prepared.plan.user_id) + sum(rejected["users"].values()),
            users_scored=len(self.rows),
            users_filtered=users,
            users_refused=rejected["users"],
            jobs_read=n_jobs + sum(rejected["jobs"].values()),
            jobs_ranked=self.n_eligible,
            jobs_filtered=self.prepared.plan.exclusions.counts(),
            jobs_refused=rejected["jobs"],
            actions_read=ledger["actions"].read + sum(at_import.get("actions", {}).values()),
            actions_used=ledger["actions"].used,
            actions_left_out=ledger["actions"].left_out,
            actions_refused=rejected["actions"],
            rows=self.n_rows,
            unknown_values={str(values): values.count for values in ledger.unknown},
            pairs_excluded=self.prepared.plan.exclusions.count_pairs(self.rows),
        )

    def judge(self, counts: RunCounts) -> Verdict | None:
        """Store the gate's verdict with the run. None: no gate was asked, or the run passed it before.

        Raises
        ------
        GateFailedError: If a limit is exceeded.
        """
        if self.is_past_gate:  # readers may have the run already
            return None
        verdict = None
        if self.spec.gate is not None and self.spec.covers_all_users:
            verdict = self.spec.gate.judge(self._candidate_run(counts))
        for run in self._open_runs:
            run.record_verdict(None if verdict is None else verdict.record(), counts)
        if verdict is not None and verdict.outcome is Outcome.HELD_BACK:
            raise GateFailedError(verdict)
        return verdict

    def _candidate_run(self, counts: RunCounts) -> CandidateRun:
        plan = self.prepared.plan
        return CandidateRun(
            metadata=self.metadata,
            counts=counts,
            shards=self.shards,
            ranked=self._user_id,
            jobs=plan.job_id[plan.exclusions.open_to_all],
            publishers=self.publishers,
            open_runs=self._open_runs,
            model=self.prepared.model,
            lists_by=self._lists_by,
            currency=self.prepared.dataset.board.currency,
        )

    def _lists_by(self, model: ScoringModel, k: int) -> Iterator[tuple[ListBlock, NDArray[np.int64]]]:
        """Yield the first k jobs of the same users by another model, chunk by chunk, and the users.

        Raises
        ------
        NotEnoughMemoryError: If the plan of that model does not fit in memory together with this run's plan.
        """
        memory_forecast.require(
            self._needed_bytes(by_another_model=True),
            f"Ranking with the model {model.name} as well",
            ["use a machine with more memory"],
        )
        prepared = self.prepared.with_model(model)
        scorer = Scorer(prepared.plan, workers=self.rank_shard.workers, seeds=prepared.seeds, backend=prepared.backend)
        for chunk in cut_chunks(self.rows, self.chunk_size, self.rank_shard.list_width):
            ranking = scorer.top_k(self.spec.n_candidates, chunk)
            lists = rerank(ranking, self.spec.reranker, self.spec.k).cut(k)
            yield ListBlock.of_ranking(lists), prepared.plan.user_id[chunk]

    def publish(self, counts: RunCounts) -> None:
        """Seal all open runs, then publish them in the order of the publishers."""
        self._writer.close()
        for run in self._open_runs:
            run.seal(counts)
        fault_injection.reach("all sealed")
        for run in self._open_runs:
            self.destinations.append(run.publish(counts))

    def stop(self, error: BaseException) -> None:
        """Keep the written data if the run can be resumed or was published in part; otherwise delete it."""
        self._writer.close()
        for claim in self._claims:
            # a run that one publisher has published can be published by the other publishers with `resume`
            if self.spec.resume or self.destinations or isinstance(error, GateFailedError):
                claim.suspend()
            else:
                claim.abort()


def _find_common_run(existing: Sequence[ExistingRun | None]) -> ExistingRun | None:
    """Return the run that all publishers have published; None if it differs or is missing from some."""
    run_ids = {None if run is None else run.run_id for run in existing}
    return existing[0] if len(run_ids) == 1 else None
