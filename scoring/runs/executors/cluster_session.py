"""The driver's side of a cluster: admits workers, sends them parts, and receives results, in a thread of its own.

A worker is admitted after a preflight: it has the driver's code, receives the bundle, and ranks the same users to the
same lists. The session decides which worker ranks which part; Dask transports. A part of a lost worker is sent to
another one under a new key. An idle worker repeats the oldest part that another one has had for long.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import threading
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from scoring.array_types import Longs
from scoring.bundle import bundle_file
from scoring.errors import ClusterError, make_printable, pluralize
from scoring.runs.executors import worker_tasks
from scoring.runs.executors.certificates import check_connection, make_security
from scoring.runs.executors.cluster_address import ClusterAddress
from scoring.runs.executors.cluster_events import (
    Admitted,
    Event,
    Excluded,
    Failed,
    Finished,
    Lost,
    Message,
    Ranked,
    Unranked,
)
from scoring.runs.executors.cluster_process import ALLOWED_FAILURES, TTL_SECONDS, configure_client
from scoring.runs.executors.part_queue import Part, PartQueue
from scoring.runs.memory_forecast import BYTES_PER_RANKED, format_bytes

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["ClusterSession", "Limits", "SharedBundle"]

T = TypeVar("T")

_CHUNK_BYTES: Final = 4 << 20
_MEMORY_SHARE: Final = 0.6
_PARTS_PER_WORKER: Final = 8
"""Parts of the remaining users that a worker gets, if they are not too short or too long."""
_LONGEST: Final = 4
"""The longest part, as a multiple of `Limits.part_seconds`."""
_END_SECONDS: Final = 1.0
"""Wait for the answers of workers at the end. A lost worker does not answer."""
_BYTES_PER_THREAD: Final = 2_000_000
_HANG_FACTOR: Final = 10
"""A worker hangs if it takes this many times as long as expected, and a minimum."""
_MAX_LIST_BYTES: Final = 64 << 20
"""Lists that a worker has at a time: one part, and its copy on the way."""


@dataclass(frozen=True)
class Limits:
    """Times and sizes of a session. Tests use shorter ones."""

    first_workers: int = 1
    """The first part is sent after this many workers have passed or failed the preflight."""
    part_seconds: float = 0.5
    """Work of a part, at least, in the time of one worker."""
    parts_per_worker: int = 2
    """Parts that a worker has: one that it ranks, and the next one."""
    bytes_in_flight: int = 256 << 20
    max_part_users: int = 50_000
    poll_seconds: float = 0.5
    """Between two looks at the list of workers."""
    renew_seconds: float = 5.0
    lost_seconds: float = 10.0
    """The scheduler is lost if it has not answered for this time."""
    join_seconds: float = 30.0
    """Wait for a worker if there is none."""
    first_join_seconds: float = 10.0
    """Wait for another worker if all were excluded before the first part."""
    max_losses: int = 1 + ALLOWED_FAILURES
    """A part is ranked by the driver after this many workers were lost with it."""
    min_repeat_seconds: float = 5.0
    """A part is repeated by an idle worker if it takes this time and three times as long as other parts."""
    min_hang_seconds: float = 60.0
    """A worker is excluded if it returns no part for this time and ten times the expected time of its parts."""
    min_preflight_seconds: float = 300.0
    """A worker is excluded if its preflight takes this time, which covers compiling, and ten times the driver's."""
    max_worker_losses: int = 5
    """A worker that was lost this many times is excluded: it is killed whenever it works."""


@dataclass(frozen=True)
class SharedBundle:
    """The file of a bundle, and users whose lists each worker must reproduce."""

    path: Path
    digest: str
    k: int
    list_width: int
    sample: Longs
    sample_digest: str
    sample_seconds: float
    """Processor time of the driver for the sample."""
    n_users: int

    @property
    def n_bytes(self) -> int:
        return self.path.stat().st_size


@dataclass
class _Worker:
    """A worker of the scheduler, by its address."""

    address: str
    name: str
    admission: asyncio.Task[None] | None = None
    is_admitted: bool = False
    is_excluded: bool = False
    parts: dict[int, _Sent] = field(default_factory=dict)
    progress_at: float = 0.0
    """When it last returned a part, or got one while it had none."""
    memory: int = 0
    """Bytes that it may use."""
    used_memory: int = 0
    """Bytes that it used when the scheduler last knew."""

    def describe_memory(self) -> str:
        """Return its memory as text, since a worker that exceeds it is killed without a message."""
        used = f", of which it used {format_bytes(self.used_memory)}" if self.used_memory else ""
        return f"its memory limit is {format_bytes(self.memory)}{used}"


@dataclass
class _Sent:
    """A part that a worker has."""

    part: Part
    attempt: int
    since: float
    task: asyncio.Task[None] | None = None


class _ExclusionError(Exception):
    """The reason why a worker is not admitted."""


class ClusterSession:
    """A connection to a scheduler, for one run. `next_event` returns what happens; `close` ends it.

    Raises
    ------
    ClusterError: If the scheduler cannot be reached or trusted.
    """

    def __init__(
        self,
        address: ClusterAddress,
        certificates: Path | None,
        shared: SharedBundle,
        parts: PartQueue | None,
        run_name: str = "run",
        limits: Limits = Limits(),
    ) -> None:
        configure_client(address.is_encrypted)
        self._security = make_security(address, certificates)
        check_connection(address, self._security)
        self._address, self._shared, self._parts, self._limits = address, shared, parts, limits
        self._token = secrets.token_hex(8)
        self._run_name = f"{run_name}/{self._token}"
        self._code = worker_tasks.compute_worker_code_digest()
        self._versions = worker_tasks.read_versions()
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._stop = threading.Event()
        self._workers: dict[str, _Worker] = {}
        self._done: set[int] = set()  # numbers of parts
        self._attempts: Counter[int] = Counter()
        self._losses: Counter[int] = Counter()
        self._worker_losses: Counter[str] = Counter()
        self._paces: list[float] = []  # seconds per user of the last parts
        self._part_seconds: list[float] = []
        self._sent_bytes = self._received_bytes = 0  # of results: expected, and taken by the driver
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._has_admitted = self._is_lost = False
        self._thread = threading.Thread(target=self._run, name="cluster session", daemon=True)
        self._thread.start()

    # For the thread of the driver

    @property
    def is_settled(self) -> bool:
        """Whether the scheduler has workers, and each is admitted or excluded."""
        workers = list(self._workers.values())
        return bool(workers) and all(worker.is_admitted or worker.is_excluded for worker in workers)

    def next_event(self, timeout: float) -> Event | None:
        """Return the next event; None if there is none within `timeout` seconds."""
        try:
            event = self._events.get(timeout=timeout)
        except Empty:
            return None
        self._is_lost = self._is_lost or isinstance(event, Lost)
        if isinstance(event, Ranked):
            self._received_bytes += self._bytes_of(event.part)
        return event

    def close(self, timeout: float = 4.0) -> None:
        """Stop the work of all workers, remove the bundle there, and end the connection."""
        self._stop.set()
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._wake.set)
        self._thread.join(0.1 if self._is_lost else timeout)  # what is lost does not end in time

    # In the thread of the session

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except ClusterError as error:
            self._events.put(Failed(error))
        except (OSError, TimeoutError) as error:
            self._events.put(Lost(f"The scheduler at {self._address} is not reachable ({_describe(error)})"))
        except Exception as error:  # noqa: BLE001 - raised by the driver
            self._events.put(Failed(error))

    async def _serve(self) -> None:
        from distributed import Client

        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(lambda loop, context: None)  # Dask leaves tasks of lost connections behind
        client = await Client(
            str(self._address), security=self._security, asynchronous=True, set_as_default=False, timeout=10
        )
        try:
            await self._check_scheduler(client)
            await self._work(client)
        finally:
            if client.status == "running":
                with suppress(Exception):
                    await asyncio.wait_for(self._end(client), _END_SECONDS)
            with suppress(Exception):
                await asyncio.wait_for(client.close(timeout=_END_SECONDS), _END_SECONDS)

    async def _check_scheduler(self, client: Client) -> None:
        settings = await _within(client.run_on_scheduler(worker_tasks.read_scheduler_settings), 10.0)
        wanted = {"worker-ttl": TTL_SECONDS, "allowed-failures": ALLOWED_FAILURES, "work-stealing": False}
        for name, value in wanted.items():
            if settings[name] != value:
                raise ClusterError(
                    f"The scheduler at {self._address} has {name} {settings[name]!r}, but runs need {value!r}. Start "
                    "it with `scoring cluster scheduler`.",
                    reason="scheduler settings",
                    address=str(self._address),
                )

    async def _work(self, client: Client) -> None:
        """Send parts until all are done, the driver stops, or the scheduler or all workers are lost."""
        limits, now = self._limits, time.monotonic()
        answered = joined = now
        looked = renewed = 0.0
        has_begun = False
        while not self._stop.is_set():
            now = time.monotonic()
            if now - looked >= limits.poll_seconds and client.status == "running":
                looked = now
                try:
                    scheduler: Any = client.scheduler
                    identity = await _within(scheduler.identity(n_workers=-1), 2.0)
                    answered = time.monotonic()
                    self._follow_workers(client, identity["workers"])
                except (OSError, TimeoutError):
                    pass
            if time.monotonic() - answered > limits.lost_seconds or client.status == "closed":
                self._events.put(Lost(f"The scheduler at {self._address} does not answer"))
                return
            if client.status != "running":  # it connects again, and has forgotten all parts
                self._take_back_all()
                await asyncio.sleep(0.1)
                continue
            if now - renewed >= limits.renew_seconds:
                renewed = now
                for worker in self._admitted():
                    self._start(self._call(client, worker.address, worker_tasks.renew_run, self._token, seconds=10.0))
            has_begun = has_begun or self._count_checked() >= limits.first_workers
            if self._parts is not None and has_begun:
                self._exclude_hanging()
                self._send_parts(client)
                if not self._parts.n_waiting and not any(
                    number not in self._done for worker in self._workers.values() for number in worker.parts
                ):
                    self._events.put(Finished())
                    return
            if any(not worker.is_excluded for worker in self._workers.values()):
                joined = now
            elif self._is_deserted(now - joined):
                return
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 0.1)

    def _is_deserted(self, seconds: float) -> bool:
        """Return whether there has been no usable worker for too long."""
        limits, excluded = self._limits, [worker for worker in self._workers.values() if worker.is_excluded]
        if self._has_admitted:
            if seconds > limits.join_seconds:
                self._events.put(Lost(f"The cluster at {self._address} has no worker any more"))
                return True
            return False
        if seconds > (limits.first_join_seconds if excluded else limits.join_seconds):
            what = f"The scheduler at {self._address} has no worker"
            if excluded:
                what = f"No worker of the scheduler at {self._address} passed the preflight"
            raise ClusterError(
                f"{what}, so nothing was ranked." + ("" if excluded else " Start one with `scoring cluster worker`."),
                reason="no worker",
                address=str(self._address),
                worker=excluded[0].name if excluded else None,
            )
        return False

    # Workers

    def _admitted(self) -> list[_Worker]:
        return [worker for worker in self._workers.values() if worker.is_admitted and not worker.is_excluded]

    def _count_checked(self) -> int:
        return sum(worker.is_admitted or worker.is_excluded for worker in self._workers.values())

    def _follow_workers(self, client: Client, present: dict[str, Any]) -> None:
        """Begin the preflight of new workers, and take back the parts of lost ones."""
        for address in [address for address in self._workers if address not in present]:
            worker = self._workers.pop(address)
            if worker.admission is not None:
                worker.admission.cancel()
            if worker.is_excluded:
                continue
            self._worker_losses[worker.name] += bool(worker.parts) or not worker.is_admitted
            if worker.is_admitted:
                what = f" with {pluralize(len(worker.parts), 'part')}" if worker.parts else ""
                self._events.put(Message(f"Worker {worker.name} was lost{what} ({worker.describe_memory()})."))
            self._take_back(worker, is_loss=True)
        for address, facts in present.items():
            worker = self._workers.get(address) or self._add_worker(client, address, facts)
            worker.used_memory = int(facts.get("metrics", {}).get("memory", 0))

    def _add_worker(self, client: Client, address: str, facts: dict[str, Any]) -> _Worker:
        name = make_printable(str(facts.get("name") or address), 80)
        worker = self._workers[address] = _Worker(address, name, memory=int(facts.get("memory_limit") or 0))
        losses = self._worker_losses[name]
        if losses >= self._limits.max_worker_losses:
            reason = f"it was lost {losses} times. Check whether its memory is exceeded ({worker.describe_memory()})"
            self._exclude(worker, reason)
        else:
            worker.admission = self._start(self._admit(client, worker))
        return worker

    async def _admit(self, client: Client, worker: _Worker) -> None:
        try:
            admitted = await self._check_worker(client, worker)
        except _ExclusionError as error:
            self._exclude(worker, str(error))
        except (OSError, TimeoutError):
            # it was lost during the preflight: forget it, so that it is tried again if it is still there
            self._worker_losses[worker.name] += 1
            await asyncio.sleep(1.0)
            self._workers.pop(worker.address, None)
        except Exception as error:  # noqa: BLE001 - raised by the worker
            self._exclude(worker, _describe(error))
        else:
            worker.is_admitted = self._has_admitted = True
            self._events.put(admitted)
            self._wake.set()

    def _exclude(self, worker: _Worker, reason: str) -> None:
        worker.is_excluded = True
        self._events.put(Excluded(worker.name, reason))
        self._take_back(worker)

    async def _check_worker(self, client: Client, worker: _Worker) -> Admitted:
        """Return the facts of a worker that passes the preflight.

        Raises
        ------
        _ExclusionError: If it does not pass.
        OSError, TimeoutError: If the worker does not answer.
        """
        shared, address = self._shared, worker.address
        facts = await self._call(client, address, worker_tasks.describe_worker, seconds=20.0)
        if not facts["code"]:
            raise _ExclusionError("it was not started by `scoring cluster worker`")
        if facts["code"] != self._code:
            raise _ExclusionError("its code of scoring differs from the driver's. Install the same version")
        if facts["format"] != bundle_file.FORMAT:
            raise _ExclusionError(f"it reads bundles of format {facts['format']}, not {bundle_file.FORMAT}")
        if facts["versions"]["distributed"] != self._versions["distributed"]:
            raise _ExclusionError(
                f"it has distributed {facts['versions']['distributed']}, the driver {self._versions['distributed']}"
            )
        if facts["spilling"]:
            raise _ExclusionError(f"spilling is not off (memory.{facts['spilling'][0]}). Use `scoring cluster worker`")
        needed = _predict_memory(shared, facts["threads"])
        if needed > _MEMORY_SHARE * facts["memory"]:
            raise _ExclusionError(
                f"the bundle and its work need {format_bytes(needed)}, more than {_MEMORY_SHARE:.0%} of its "
                f"{format_bytes(facts['memory'])} of memory"
            )
        began = time.monotonic()
        if shared.digest not in facts["bundles"]:
            await self._send_bundle(client, worker)
        transfer_seconds = time.monotonic() - began
        ranked = await self._preflight(client, address)
        if ranked.get("kind") == "bundle":  # its file was damaged or replaced
            await self._send_bundle(client, worker)
            ranked = await self._preflight(client, address)
        cause = _compare_versions(facts["versions"], self._versions)
        if ranked.get("kind") == "outputs":
            raise _ExclusionError(f"a trained model has other outputs there than in the driver ({cause})")
        if "error" in ranked:
            raise _ExclusionError(_describe_answer(ranked, worker))
        if ranked["digest"] != shared.sample_digest:
            raise _ExclusionError(f"it ranks {len(shared.sample)} users to other lists than the driver ({cause})")
        self._paces.append(ranked["seconds_per_user"])
        return Admitted(worker.name, facts["threads"], transfer_seconds, ranked["compile_seconds"])

    async def _preflight(self, client: Client, address: str) -> dict[str, Any]:
        shared = self._shared
        arguments = (self._token, shared.digest, shared.k, shared.sample)
        seconds = self._limits.min_preflight_seconds + _HANG_FACTOR * shared.sample_seconds
        try:
            return await self._call(client, address, worker_tasks.preflight, *arguments, seconds=seconds)
        except TimeoutError as error:
            raise _ExclusionError(f"it did not rank {len(shared.sample)} users within {seconds:.0f} s") from error

    async def _send_bundle(self, client: Client, worker: _Worker) -> None:
        address, digest, offset = worker.address, self._shared.digest, 0
        with self._shared.path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                arguments = (self._token, digest, offset, chunk)
                answer = await self._call(client, address, worker_tasks.receive_chunk, *arguments, seconds=60.0)
                if "error" in answer:
                    raise _ExclusionError(f"it cannot store the bundle ({_describe_answer(answer, worker)})")
                offset = answer["length"]
        answer = await self._call(client, address, worker_tasks.accept_bundle, self._token, digest, seconds=600.0)
        if "error" in answer:
            raise _ExclusionError(_describe_answer(answer, worker))

    async def _call(self, client: Client, address: str, function: Any, *arguments: Any, seconds: float) -> Any:
        """Call a function in a worker and return its answer.

        Raises
        ------
        OSError, TimeoutError: If the worker does not answer.
        """
        answers = await _within(client.run(function, *arguments, workers=[address], on_error="return"), seconds)
        answer = answers.get(address)
        if isinstance(answer, Exception):
            raise answer
        return answer

    # Parts

    def _bytes_of(self, part: Part) -> int:
        return part.n_users * self._shared.list_width * BYTES_PER_RANKED

    def _choose_size(self, n_workers: int) -> int:
        """Return how many users the next part has: work for half a second, or for more while there is much of it."""
        limits, parts = self._limits, self._parts
        assert parts is not None
        pace = statistics.median(self._paces[-15:])
        # the driver ranks a user of each part again, so parts are long while much remains
        remaining = parts.n_waiting * pace / (_PARTS_PER_WORKER * n_workers)
        seconds = min(max(remaining, limits.part_seconds), _LONGEST * limits.part_seconds)
        by_bytes = limits.bytes_in_flight // (8 * max(1, self._shared.list_width) * BYTES_PER_RANKED)
        return max(1, min(int(seconds / max(pace, 1e-9)), by_bytes, limits.max_part_users))

    def _send_parts(self, client: Client) -> None:
        parts, limits, workers = self._parts, self._limits, self._admitted()
        assert parts is not None
        for worker in workers:
            for number in [
                number for number, sent in worker.parts.items() if sent.task is not None and sent.task.done()
            ]:
                self._take_back(worker, only=number)  # its task ended without a result
        for n_parts in range(limits.parts_per_worker):  # each gets one before any gets the next
            for worker in workers:
                if len(worker.parts) > n_parts:
                    continue
                if self._sent_bytes - self._received_bytes > limits.bytes_in_flight:
                    return
                part = parts.take(self._choose_size(len(workers)))
                if part is None:
                    self._repeat_slow_parts(client)
                    return
                if part.number in self._done:
                    continue
                if self._losses[part.number] >= limits.max_losses:
                    self._done.add(part.number)
                    self._events.put(Unranked(part))
                    continue
                self._send(client, worker, part)

    def _send(self, client: Client, worker: _Worker, part: Part) -> None:
        self._attempts[part.number] += 1
        sent = _Sent(part, self._attempts[part.number], time.monotonic())
        if not worker.parts:
            worker.progress_at = sent.since
        worker.parts[part.number] = sent
        self._sent_bytes += self._bytes_of(part)
        sent.task = self._start(self._receive(client, worker, sent))

    async def _receive(self, client: Client, worker: _Worker, sent: _Sent) -> None:
        """Wait for the result of a part. The task is cancelled if the worker is lost."""
        from distributed import CancelledError

        part = sent.part
        future = client.submit(
            worker_tasks.rank_part,
            self._token,
            self._shared.k,
            part.rows,
            key=f"{self._run_name}/{part.number}.{sent.attempt}",
            workers=[worker.address],
            allow_other_workers=False,
            pure=False,
        )
        result: Any = None
        try:
            # Dask gathers the results of several parts at once: a part that is taken back must cancel no other part
            result = await asyncio.shield(asyncio.ensure_future(_result_of(future)))
        except (CancelledError, OSError, TimeoutError):  # the connection or the worker was lost
            self._take_back(worker, only=part.number, is_loss=True)
            return
        except asyncio.CancelledError:
            if worker.parts.get(part.number) is not sent:
                raise  # it was taken back
            self._take_back(worker, only=part.number)
            return
        except Exception as error:  # noqa: BLE001 - raised by Dask in the worker
            result = {"error": f"it failed: {_describe(error)}"}
        finally:
            with suppress(Exception):
                future.release()
        if worker.parts.pop(part.number, None) is None:
            return  # taken back meanwhile: a late result is dropped
        worker.progress_at = time.monotonic()
        if not isinstance(result, dict) or "stopped" in result or "error" in result:
            self._sent_bytes -= self._bytes_of(part)
            self._put_back(part)
            if isinstance(result, dict) and "stopped" in result:
                reason = "it stopped, because it did not hear from the driver"
            else:
                is_answer = isinstance(result, dict)
                reason = _describe_answer(result, worker) if is_answer else "it returned something else than lists"
            self._exclude(worker, reason)
        else:
            self._done.add(part.number)
            seconds = time.monotonic() - sent.since
            self._part_seconds.append(seconds)
            if isinstance(result.get("seconds"), float):
                self._paces.append(result["seconds"] / max(1, part.n_users))
            self._events.put(Ranked(worker.name, part, result))
        self._wake.set()

    def _put_back(self, part: Part) -> None:
        """Let another worker rank a part, unless a worker ranks it or has ranked it."""
        assert self._parts is not None
        if part.number not in self._done and not any(part.number in one.parts for one in self._workers.values()):
            self._parts.put_back(part)

    def _take_back(self, worker: _Worker, *, only: int | None = None, is_loss: bool = False) -> None:
        """Put the parts of a worker back. The first one may be the reason why it was lost."""
        numbers = list(worker.parts) if only is None else [only] if only in worker.parts else []
        for place, number in enumerate(numbers):
            sent = worker.parts.pop(number)
            self._sent_bytes -= self._bytes_of(sent.part)
            if is_loss and not place:
                self._losses[number] += 1
            if sent.task is not None and sent.task is not asyncio.current_task():
                sent.task.cancel()
            self._put_back(sent.part)
        self._wake.set()

    def _take_back_all(self) -> None:
        for worker in list(self._workers.values()):
            self._take_back(worker)

    def _repeat_slow_parts(self, client: Client) -> None:
        """Send the oldest part that takes long to an idle worker as well."""
        idle = [worker for worker in self._admitted() if not worker.parts]
        if not idle or not self._part_seconds:
            return
        limit = max(self._limits.min_repeat_seconds, 3 * statistics.median(self._part_seconds))
        now = time.monotonic()
        copies = Counter(number for worker in self._workers.values() for number in worker.parts)
        slow = sorted(
            (sent for worker in self._admitted() for sent in worker.parts.values() if now - sent.since > limit),
            key=lambda sent: sent.since,
        )
        for sent in slow:
            if idle and copies[sent.part.number] == 1 and sent.part.number not in self._done:
                worker = idle.pop()
                self._events.put(Message(f"A part that takes long is repeated by worker {worker.name}."))
                self._send(client, worker, sent.part)

    def _exclude_hanging(self) -> None:
        """Exclude workers that answer the scheduler but return no part."""
        now = time.monotonic()
        for worker in self._admitted():
            users = sum(sent.part.n_users for sent in worker.parts.values())
            expected, seconds = users * statistics.median(self._paces[-15:]), now - worker.progress_at
            if worker.parts and seconds > self._limits.min_hang_seconds + _HANG_FACTOR * expected:
                self._exclude(worker, f"it has returned no lists for {seconds:.0f} s instead of {expected:.1f} s")

    # The end

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(_ignore_lost(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _end(self, client: Client) -> None:
        """Stop and forget the run in all workers."""
        calls = [
            self._call(client, worker.address, worker_tasks.end_run, self._token, seconds=_END_SECONDS)
            for worker in self._workers.values()
        ]
        await asyncio.gather(*calls, return_exceptions=True)
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)


async def _ignore_lost(work: Coroutine[Any, Any, T]) -> T | None:
    """Wait for a call whose failure shows elsewhere, as a lost worker."""
    try:
        return await work
    except (OSError, TimeoutError, _ExclusionError):
        return None


async def _result_of(future: Any) -> Any:
    return await future


async def _within(work: Any, seconds: float) -> Any:
    return await asyncio.wait_for(work, seconds)


def _describe(error: BaseException) -> str:
    return make_printable(str(error) or type(error).__name__, 300).rstrip(".")


def _describe_answer(answer: dict[str, Any], worker: _Worker) -> str:
    """Return the reason why a worker could not do what it was asked for."""
    if answer.get("kind") == "memory":
        return f"it has not enough memory ({worker.describe_memory()})"
    return make_printable(str(answer.get("error")), 300).rstrip(".")


def _compare_versions(of_worker: dict[str, str], of_driver: dict[str, str]) -> str:
    different = [
        f"{name} {of_worker[name]} instead of {expected}" if name in of_worker else f"{name} is not installed"
        for name, expected in of_driver.items()
        if of_worker.get(name) != expected
    ]
    return ", ".join(different) or "its versions are equal, so its processor or its libraries differ"


def _predict_memory(shared: SharedBundle, threads: int) -> int:
    """Return the bytes that a worker needs besides its libraries: the bundle, what is computed from it, and lists."""
    list_bytes = shared.list_width * BYTES_PER_RANKED
    lists = min(shared.n_users * list_bytes, _MAX_LIST_BYTES)
    return int(1.25 * shared.n_bytes) + threads * _BYTES_PER_THREAD + lists
