"""An engine that keeps the lists of a database exact: it follows the log, ticks, and answers reads meanwhile.

Three threads of an engine share its state:

- one follows the log, applies its events to the present lists, and publishes the changed lists after each chunk
- one builds the next lists in the background, and computes the basis of a tick
- one renews the leader's lease, and decides when a tick is due

A list is exact for the pair (basis, seq) of its answer. An engine whose database does not answer keeps answering.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, Final, Self, TypeVar

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from scoring.argument_checks import check_list_length, check_number
from scoring.components.learned import find_job_windows
from scoring.database.board_definition_storage import read_board
from scoring.database.database import Database
from scoring.database.readers import read_tables
from scoring.database.retry import give_up_if
from scoring.database.validated_reader import ADVICE, MAX_REJECTED
from scoring.dataset import Dataset
from scoring.dataset.clock import Clock
from scoring.errors import ConfigurationError, DatabaseError, DataError, ScoringError, UnknownIdError
from scoring.live.basis_store import BasisStore, StoredBasis
from scoring.live.change_gate import ChangeGate
from scoring.live.event_log import EventLog, LogEvent, LogPage, LogPosition, LogRestoredError, Written
from scoring.live.events import Event
from scoring.live.leader_lease import LeaderLease, LeaseLostError
from scoring.live.live_lists import REBUILD_AT, LiveLists, UserList, make_next_basis
from scoring.live.live_metrics import LiveMetrics
from scoring.live.live_tables import LiveTables
from scoring.live.pair_arrays import LayoutChangedError
from scoring.live.pause_store import StoredPause, create_pauses, delete_pause, read_pause, write_pause
from scoring.live.process_settings import ProcessSettings
from scoring.live.published_lists import PublishedLists
from scoring.live.read_priority_lock import ReadPriorityLock
from scoring.live.verification import VerifyReport, verify_lists
from scoring.model import ScoringModel
from scoring.model_catalog import AnyModel, load_model
from scoring.ranking import Explanation, Prepared
from scoring.registry import Registry
from scoring.statistics import Basis, Statistics
from scoring.statistics.company_popularity import WINDOW_DAYS
from scoring.telemetry import Sources, fault_injection
from scoring.threads.pool import available_cpus, limit_threads
from scoring.validation.cross_table_checks import accept_tables
from scoring.validation.report import DataReport

__all__ = ["LiveAnswer", "LiveEngine", "LiveStatus", "SeqNotReachedError"]

MAX_CHANGED_ROWS: Final = 2000
"""Rows of jobs changed since the last tick that start an early tick."""
EARLY_SECONDS: Final = 5.0
"""Least seconds between two ticks, also if many rows change."""
EARLY_SHARE: Final = 0.2
"""Share of the time that ticks of changed rows may take. More rows cost little: 12,000 made no event slower."""
MAX_TRANSACTION: Final = 500
"""Events of one poll that start an early tick."""

_LOG: Final = logging.getLogger("scoring.live")
_MODEL_LOG: Final = logging.getLogger("scoring.live.model")
_ROWS: Final = ("job", "user", "action")
_KINDS: Final = (*_ROWS, "table_replaced", "tick", "model")
_PAGE: Final = 1000
_MAX_BACKLOG: Final = 200_000
_RECENT: Final = 100_000
_BUILDS_BEHIND: Final = 4
"""Builds that a backlog must be worth. With 1, as many events arrived during a build, and another build followed."""
_FEW: Final = 64
"""Events that new lists may lack when events wait for them."""
_ROUNDS: Final = 8
"""How often new lists may catch up while events are applied to the present ones."""
_CAUGHT_UP: Final = 256
"""Captured events that are applied together."""
_REFILLS: Final = 8
"""Lists that are computed again between two reads."""
_CHUNK: Final = 32
"""Events that are applied together. Consecutive events of jobs take less time: their rows are encoded once."""
_RETRY_SECONDS: Final = 0.5
_LEAD_SECONDS: Final = 0.25
_PROMOTION_SECONDS: Final = 1.0
_READER_SECONDS: Final = 10.0
_CUT_SECONDS: Final = 3600.0
_BUILD_THREADS: Final = max(1, available_cpus() // 2)
"""Threads that build lists in the background. The other cores are for reads and events."""
_STOPPED: Final = threading.Event()
_STOPPED.set()

T = TypeVar("T")


class SeqNotReachedError(ScoringError, TimeoutError):
    """The event `after` is not applied yet; `seq` is the number of the newest event that is."""

    def __init__(self, after: int, seq: int) -> None:
        super().__init__(after, seq)
        self.after, self.seq = after, seq

    def __str__(self) -> str:
        return f"The event {self.after} is not applied yet; the newest is {self.seq}. Read again later."


@dataclass(frozen=True)
class LiveAnswer:
    """The list of a user with the state for which it is exact.

    `list` is None if the user is inactive. `frozen` names what is not up to date: "events" (paused until `confirm`),
    "tick" (the last tick failed or is late), "model" (a promoted model cannot be used), "database" (no answer),
    "rebuild" (tables were replaced and are being read).
    """

    list: UserList | None
    basis: int
    seq: int
    as_of: datetime
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True)
class LiveStatus:
    """The state of an engine.

    `applied_pause` is a pause before the start of this engine that was not confirmed: the lists contain its events.
    """

    name: str
    epoch: str
    seq: int
    basis: int
    basis_digest: str
    as_of: datetime
    model: str
    lag_seconds: float
    n_users: int
    n_jobs: int
    has_triggers: bool
    held_back_by: str | None
    paused: str | None
    applied_pause: StoredPause | None
    frozen: tuple[str, ...]
    tick_failure: str | None
    model_failure: str | None
    unreachable_since: datetime | None
    is_leader: bool
    n_rejected: int
    n_quarantined: int
    counters: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the values as dictionaries; times are `datetime`."""
        return asdict(self)


class _TickRejectedError(ScoringError, RuntimeError):
    """The gate of a tick keeps the earlier basis."""


class _ClosedError(ScoringError, RuntimeError):
    """The engine was closed while a thread waited."""

    def __str__(self) -> str:
        return "The live engine is closed."


@dataclass(frozen=True)
class _Loaded:
    """What one snapshot of the database contains."""

    tables: LiveTables
    end: LogPosition
    stored: StoredBasis | None
    newest: tuple[int, datetime] | None


@dataclass(frozen=True)
class _State:
    """Lists with the basis and the model that they were built with. Replaced as a whole."""

    lists: LiveLists
    published: PublishedLists
    stored: StoredBasis


class LiveEngine:
    """The lists of all active users of a database, exact after every event of its log.

    Parameters
    ----------
    database: A SQLite or PostgreSQL database, as for `Database.open`.
    model: The model; None for the promoted model of `registry`, or `standard` without one.
    k: Length of the lists.
    tick_seconds: Seconds between two bases.
    registry: Where promotions are read. The leader changes to a newly promoted model within a second.
    name: Name of this process among the readers of the log; None: host and process number.
    poll_seconds: Seconds between two polls of the log.
    lease_seconds: Seconds after which another process becomes the leader if this one stops.
    clock: Returns the time, with a zone.

    Raises
    ------
    ConfigurationError: If a number is invalid, or the database is in memory.
    DatabaseError: If the database cannot be opened.

    Example
    -------
    >>> import shutil
    >>> with LiveEngine(shutil.copy(folder / "market.db", folder / "live.db"), "standard", k=5) as live:
    ...     answer = live.get(1)
    >>> len(answer.list), answer.basis
    (5, 1)
    """

    def __init__(
        self,
        database: Any,
        model: AnyModel | None = None,
        *,
        k: int = 40,
        tick_seconds: float = 60.0,
        registry: Registry | None = None,
        name: str | None = None,
        poll_seconds: float = 0.05,
        lease_seconds: float = 15.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.k = check_list_length(k)
        self.tick_seconds = check_number("tick_seconds", tick_seconds)
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._fixed_model = None if model is None else load_model(model)
        self._found_model: tuple[int, ScoringModel] | None = None  # the last promotion that was read
        self._poll_seconds = check_number("poll_seconds", poll_seconds)
        self._now = clock
        self.database = Database.open(database)
        self._owns_database = self.database is not database
        if not self.database.allows_threads:
            raise ConfigurationError(
                "A live engine needs a database that several threads can open: the URL of a database or the path of a "
                "SQLite file, not a session, an engine, or a database in memory.",
                key=("database",),
            )
        self._local = threading.local()
        self._registry = None if registry is None else registry.for_database(self.database)
        self._store = BasisStore()
        self._lease = LeaderLease(f"{self.name}-{uuid.uuid4().hex[:8]}", check_number("lease_seconds", lease_seconds))
        self._gate = ChangeGate()
        self.metrics = LiveMetrics(self._read_gauges)

        self._lock = threading.Lock()  # held while readers read or changed lists are published: at most 1 ms
        self._applying = ReadPriorityLock()  # held while events are applied or tables are copied; before `_lock`
        self._state: _State | None = None
        self._is_partial = False  # the present lists contain some events of a chunk: other lists are being built
        self._captured: list[Event] | None = None  # events since the copy that a build began with
        self._position: LogPosition | None = None
        self._seq, self._floor = 0, 0
        self._recent: deque[int] = deque()
        self._applied: set[int] = set()
        self._reached = threading.Condition()

        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._confirmed = threading.Event()
        self._reload_wanted: str | None = None
        self._tick_wanted = threading.Event()
        self._rows_wanted = threading.Event()
        self._tick_running = False
        self._tick_took = 0.0
        self._factors_wanted = False
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._build_queued: StoredBasis | None = None
        self._threads: list[threading.Thread] = []
        self._has_settings = False

        self._paused: str | None = None
        self._applied_pause: StoredPause | None = None
        self._n_rows = 0, 0  # jobs and users that a tick requires, as the last one or the start had some
        self._tick_failure: str | None = None
        self._model_failure: str | None = None
        self._failed_promotion = 0
        self._unreachable_since: datetime | None = None
        self._held_back_by: str | None = None
        self._has_triggers = False
        self._caught_up_at = time.monotonic()
        self._ticked_at = time.monotonic()
        self._renewed_at = self._promotions_read_at = self._noted_at = self._triggers_read_at = -1e9
        self._held_at = self._cut_at = time.monotonic()

    @property
    def log(self) -> EventLog:
        """The log of the database; each thread has an object of its own."""
        found: EventLog | None = getattr(self._local, "log", None)
        if found is None:
            found = self._local.log = EventLog(self.database)
        return found

    def __repr__(self) -> str:
        return f"LiveEngine({self.database.display}, {self.name})"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Start and end -----------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Read the tables, build all lists, and follow the log. Return this engine.

        The first engine of a database creates the tables of the log and writes the first basis.

        Raises
        ------
        DatabaseError: If the database cannot be read or written.
        DataError: If too many rows are invalid.
        ModelError: If live lists do not support the model.
        """
        if self._threads:
            return self
        if not self.log.is_installed:
            self.log.install(triggers=False)
        self._has_triggers = self.log.has_triggers
        self.database.write(self._create_tables)
        ProcessSettings.acquire()
        self._has_settings = True
        self._run("lead", self._lead)
        try:
            self._load_and_swap()
        except BaseException:
            self.close()
            raise
        self._applied_pause = self.database.read(read_pause)
        if self._applied_pause is not None:
            _LOG.warning("events after %d were paused before the start and are applied", self._applied_pause.seq)
        self._run("work", self._run_work)
        self._run("follow", self._follow)
        return self

    def close(self) -> None:
        """Stop the threads, give the lease to another process, and close a database that this engine opened."""
        self._stopped.set()
        self._wake.set()
        self._confirmed.set()
        self._work.put(None)
        with self._reached:
            self._reached.notify_all()
        for thread in self._threads:
            thread.join()
        if self._threads:
            try:
                with give_up_if(_STOPPED):
                    self.database.write(self._leave)
            except DatabaseError:
                _LOG.info("the lease was not released; it expires")
        self._threads = []
        if self._has_settings:
            self._has_settings = False
            ProcessSettings.release()
        if self._owns_database:
            self.database.close()

    def _leave(self, connection: Connection) -> None:
        """Return the lease, and let the log keep nothing for this process: a start reads the tables."""
        if self._lease.fence is not None:
            self._lease.release(connection)
        self.log.forget_reader(self.name, connection)

    def _create_tables(self, connection: Connection) -> None:
        self._store.create(connection)
        self._lease.create(connection)
        create_pauses(connection)

    def _run(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=f"live-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    # --- Reading -----------------------------------------------------------------------------------------------------

    def get(self, user_id: int, *, after: int | None = None, timeout: float = 1.0) -> LiveAnswer:
        """Return the list of a user, with the basis and the event for which it is exact.

        Parameters
        ----------
        user_id: The number of the user.
        after: The number of an event that the list must contain, such as `Written.seq`.
        timeout: Seconds to wait for that event.

        Raises
        ------
        UnknownIdError: If the user does not exist.
        SeqNotReachedError: If the event is not applied in time.
        ConfigurationError: If the engine is not started.
        """
        start = time.perf_counter()
        if after is not None:
            self._wait_for(after, timeout)
        try:
            while (answer := self._read(user_id)) is None:
                self._complete_list(user_id)
        except UnknownIdError:
            self.metrics.count_read("unknown")
            raise
        self.metrics.count_read("inactive" if answer.list is None else "found")
        self.metrics.observe("read_seconds", time.perf_counter() - start)
        return answer

    def _read(self, user_id: int) -> LiveAnswer | None:
        """Return the published list of a user; None if it is too short."""
        with self._lock:
            state = self._require_state()
            if state.published.is_short(user_id):
                return None
            found = state.published.get(user_id)
            return LiveAnswer(found, state.stored.number, self._seq, state.stored.as_of, self._find_frozen())

    def _complete_list(self, user_id: int) -> None:
        """Compute a list that has too few exact places, and publish it."""
        with self._applying.reading():
            if not self._is_partial:
                self._require_state().lists.get(user_id)
                self._publish(self._seq)
                return
        self._stopped.wait(self._poll_seconds)

    def _wait_for(self, after: int, timeout: float) -> None:
        with self._reached:
            reached = self._reached.wait_for(lambda: self.has_applied(after) or self._stopped.is_set(), timeout)
        if not reached or not self.has_applied(after):
            self.metrics.count_read("too early")
            raise SeqNotReachedError(after, self._seq)

    def has_applied(self, seq: int) -> bool:
        """Return whether the lists contain an event."""
        return seq <= self._floor or seq in self._applied

    def explain(self, user_id: int, job_id: int) -> Explanation:
        """Return the explanation of a pair's score for the present lists.

        Raises
        ------
        UnknownIdError: If the user or the job does not exist.
        """
        with self._applying.reading():
            state = self._require_state()
            tables = state.lists.tables.take(user_id, job_id)
        basis = state.stored.basis
        dataset = tables.make_dataset(basis.clock)
        prepared = Prepared.for_rows(
            dataset, state.lists.model, user_ids=[user_id], job_ids=[job_id], workers=1, basis=basis
        )
        return prepared.explain(user_id, job_id)

    def find_external_ids(self, job_ids: Sequence[int]) -> list[str | None]:
        """Return the external id of each job; None if it has none or does not exist."""
        jobs = self._require_state().lists.tables.jobs
        return [jobs.find_external_id(job) for job in job_ids]

    def write(self, rows: Sequence[Any], idempotency_key: str | None = None) -> Written:
        """Write rows and their events in one transaction, as `EventLog.write_rows`."""
        written = self.log.write_rows(rows, idempotency_key)
        self._wake.set()
        return written

    def status(self) -> LiveStatus:
        """Return the state of the engine, without reading the database."""
        with self._lock:
            state = self._require_state()
            n_users, n_jobs = state.lists.n_lists, state.lists.n_jobs
            seq, position = self._seq, self._position
        counters = self.metrics.counters()
        counters["rebuilds"] += state.lists.n_rebuilds
        counters["refills"] += state.lists.n_refills
        return LiveStatus(
            name=self.name,
            epoch="" if position is None else position.epoch,
            seq=seq,
            basis=state.stored.number,
            basis_digest=state.stored.digest,
            as_of=state.stored.as_of,
            model=state.lists.model.name,
            lag_seconds=self._find_lag(),
            n_users=n_users,
            n_jobs=n_jobs,
            has_triggers=self._has_triggers,
            held_back_by=self._held_back_by,
            paused=self._paused,
            applied_pause=self._applied_pause,
            frozen=self._find_frozen(),
            tick_failure=self._tick_failure,
            model_failure=self._model_failure,
            unreachable_since=self._unreachable_since,
            is_leader=self._lease.fence is not None,
            n_rejected=counters["rejected"],
            n_quarantined=counters["quarantined"],
            counters=counters,
        )

    @property
    def sources(self) -> Sources:
        """For `scoring.telemetry.prometheus_text` and `serve`."""
        from scoring.telemetry import Operations

        return Sources(Operations(), traffic=self.database.traffic, others=(self.metrics,))

    def _read_gauges(self) -> dict[str, float]:
        if self._state is None:
            return {}
        status = self.status()
        age = (self._now() - status.as_of).total_seconds()
        return {
            "seq": status.seq,
            "basis": status.basis,
            "basis_age_seconds": age,
            "lag_seconds": status.lag_seconds,
            "users": status.n_users,
            "jobs": status.n_jobs,
            "is_leader": float(status.is_leader),
            "is_paused": float(status.paused is not None),
            "is_database_unreachable": float(status.unreachable_since is not None),
            "has_failed_tick": float(status.tick_failure is not None),
        }

    def _find_lag(self) -> float:
        waited = time.monotonic() - self._caught_up_at
        return waited if waited > 4 * self._poll_seconds else 0.0

    def _find_frozen(self) -> tuple[str, ...]:
        is_late = time.monotonic() - self._ticked_at > 2 * self.tick_seconds + 10
        found = (
            ("events", self._paused is not None),
            ("tick", self._tick_failure is not None or is_late),
            ("model", self._model_failure is not None),
            ("database", self._unreachable_since is not None),
            ("rebuild", self._reload_wanted is not None),
        )
        return tuple(name for name, applies in found if applies)

    def _require_state(self) -> _State:
        if self._state is None:
            raise ConfigurationError("The live engine is not started. Call start().", key=("engine",))
        return self._state

    # --- Following the log -------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Apply the events of the log until the engine stops."""
        try:
            self._follow_pages()
        finally:
            self.log.close()

    def _follow_pages(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                page = self._read_page()
                if page is None:
                    continue
                self._take_page(page)
                self._note_position()
                if page.n_left == 0:
                    self._caught_up_at = time.monotonic()
                    self._refill()
                    self._sleep()
            except _ClosedError:
                return
            except DatabaseError as error:  # the page is read again; events that were applied change nothing
                self._note_unreachable(error)
            except Exception:  # noqa: BLE001 - the thread must not end
                # the lists may contain half an event: they are built again from the tables
                _LOG.exception("an event was not applied; all lists are built again")
                self._reload("an event was not applied")
                self._stopped.wait(_RETRY_SECONDS)

    def _refill(self) -> None:
        """Compute lists that an event has left too short, a few at a time, so that others can be read meanwhile."""
        n_left = 1
        while n_left and not self._stopped.is_set() and not self._wake.is_set():
            with self._applying.writing():
                n_left = self._require_state().lists.refill(_REFILLS)
                self._publish(self._seq)

    def _publish(self, seq: int) -> None:
        """Let readers see the lists after an event. The caller holds `_applying`."""
        with self._lock:
            self._require_state().published.renew()
            self._seq = max(self._seq, seq)

    def _note_position(self) -> None:
        """Register the position of this engine, so that the log keeps later events, and store the rejected ones."""
        if time.monotonic() - self._noted_at < _READER_SECONDS or self._position is None:
            return
        self._noted_at = time.monotonic()
        try:
            with give_up_if(_STOPPED):
                self.log.note_reader(self.name, self._position)
        except DatabaseError as error:
            _LOG.info("the position was not noted: %s", error)

    def _sleep(self) -> None:
        if self.database.dialect == "postgresql":
            self.log.wait(self._poll_seconds)
        else:
            self._wake.wait(self._poll_seconds)

    def _read_page(self) -> LogPage | None:
        """Return the next events; None if the database does not answer, or the lists were built again instead."""
        assert self._position is not None
        try:
            with give_up_if(_STOPPED):
                page = self.log.read(self._position, _PAGE)
        except LogRestoredError:
            self._reload("another database")
            return None
        except DatabaseError as error:
            self._note_unreachable(error)
            return None
        self._unreachable_since = None
        self._held_back_by = page.held_back_by
        fault_injection.reach("events read")
        return page

    def _note_unreachable(self, error: DatabaseError) -> None:
        if self._unreachable_since is None:
            self._unreachable_since = self._now()
            self.metrics.count("unreachable")
            _LOG.warning("the database does not answer: %s", error)
        self._stopped.wait(_RETRY_SECONDS)

    def _take_page(self, page: LogPage) -> None:
        if page.rejected:
            self.metrics.count("rejected", page.rejected)
        events = page.events
        if len(events) + page.n_left > self._find_worth_of_build() or (
            events and not self._require_state().lists.has_row_terms
        ):
            page = self._collect(page)
            self._wait_for_confirmation(page.events)
            self._catch_up(page)
            return
        self._wait_for_confirmation(events)
        for chunk in _divide(events):
            if self._stopped.is_set():
                return
            if chunk[0].kind == "table_replaced":
                self._reload("a table was replaced")
                return
            if chunk[0].kind in _ROWS:
                self._take_rows(chunk)
            elif chunk[0].kind == "tick":
                self._follow_tick(_get_number(chunk[0]))
            for event in chunk:
                self.metrics.count_event(event.kind if event.kind in _KINDS else "unknown")
            self._note_applied([event.seq for event in chunk])
        if events or page.rejected_seqs:
            fault_injection.reach("events applied")
        self._move(page)
        self._want_tick(sum(event.kind in _ROWS for event in events))

    def _find_worth_of_build(self) -> int:
        """Return the number of events from which all lists are built instead, by the times measured so far."""
        (built, building), (applied, applying) = (
            self.metrics.histograms[name].read() for name in ("build_seconds", "event_seconds")
        )
        if not built[-1] or applied[-1] < REBUILD_AT:
            return REBUILD_AT
        n = (building / built[-1]) / max(applying / applied[-1], 1e-9)
        return int(np.clip(_BUILDS_BEHIND * n, REBUILD_AT, _MAX_BACKLOG))

    def _take_rows(self, events: Sequence[LogEvent]) -> None:
        """Apply some events to the present lists, and publish the lists."""
        rows, start = [event.event() for event in events], time.perf_counter()
        seq, is_built, board = max(event.seq for event in events), True, self._require_state().lists.tables.board
        for row in rows:
            with suppress(DataError):  # counted when it is applied
                row.require_canonical(board)  # an event remembers it: reads need not wait for the check
        with self._applying.writing():
            lists = self._require_state().lists
            try:
                self._apply_rows(lists, rows)
                lists.refill(_REFILLS)
            except LayoutChangedError:
                is_built = False
            if self._captured is not None:
                self._captured += rows
            if is_built:
                self._publish(seq)
            else:
                self._is_partial = True
        if not is_built:
            self._rebuild(rows, seq)
        now, seconds = self._now(), (time.perf_counter() - start) / len(rows)
        for event, row in zip(events, rows, strict=True):
            self.metrics.observe("event_seconds", seconds)
            self.metrics.observe("delay_seconds", max(0.0, (now - event.at).total_seconds()))
            if event.kind == "action" and not _is_known(lists.tables, row):
                self.metrics.count("quarantined")

    def _apply_rows(self, lists: LiveLists, rows: Sequence[Event]) -> None:
        """Apply events to lists. An event with an invalid row is counted and changes nothing."""
        try:
            if len(rows) > 1:
                lists.apply_all(rows)
                return
        except DataError:
            pass  # no event was applied
        for row in rows:
            self._apply(lists, row)

    def _rebuild(self, rows: Sequence[Event], seq: int) -> None:
        """Build the lists of the present basis in the background, because an event needs other arrays.

        Until then, readers see the lists before these events.
        """
        self._call_work(lambda: self._build(self._require_state().stored, rows, seq))

    def _apply(self, target: LiveLists | LiveTables, event: Event) -> None:
        try:
            target.apply(event)
        except DataError:
            self.metrics.count("rejected")

    def _follow_tick(self, number: int) -> None:
        """Build the lists of a basis that the leader has written, unless it is the present one."""
        self._ticked_at = time.monotonic()
        if number <= self._require_state().stored.number:
            return
        with give_up_if(_STOPPED):
            stored = self.database.read(lambda connection: self._store.read(connection, number))
            newest = self.database.read(self._store.find_newest)
        if stored is None and newest is not None and newest[0] > number:
            return  # a newer tick follows in the log
        if stored is None and newest is not None:
            stored = self._recompute(*newest)  # of another version of this package
        if stored is not None:
            self._queue_build(stored)

    def _collect(self, page: LogPage) -> LogPage:
        """Return a page with all events of a backlog, at most `_MAX_BACKLOG`."""
        events, rejected = list(page.events), list(page.rejected_seqs)
        while page.n_left and len(events) < _MAX_BACKLOG and not self._stopped.is_set():
            with give_up_if(_STOPPED):
                page = self.log.read(page.position, 10 * _PAGE)
            events += page.events
            rejected += page.rejected_seqs
            if page.rejected:
                self.metrics.count("rejected", page.rejected)
        return replace(page, events=tuple(events), rejected_seqs=tuple(rejected))

    def _catch_up(self, page: LogPage) -> None:
        """Apply many events to the tables and build the lists once."""
        events = page.events
        if any(event.kind == "table_replaced" for event in events):
            self._reload("a table was replaced")
            return
        rows = [event.event() for event in events if event.kind in _ROWS]
        ticks = [_get_number(event) for event in events if event.kind == "tick"]
        state = self._require_state()
        stored = state.stored
        if ticks and ticks[-1] > stored.number:
            with give_up_if(_STOPPED):
                stored = self.database.read(self._store.read) or stored
        if rows or stored.number != state.stored.number:
            self._call_work(lambda: self._build(stored, rows, page.position.seq))
        for event in events:
            self.metrics.count_event(event.kind if event.kind in _KINDS else "unknown")
        self._note_applied([event.seq for event in events])
        fault_injection.reach("events applied")
        self._move(page)
        self._want_tick(len(rows))

    def _move(self, page: LogPage) -> None:
        self._position = page.position
        with self._lock:
            self._seq = max(self._seq, page.position.seq)
        if page.rejected_seqs:
            self._note_applied(page.rejected_seqs)

    def _note_applied(self, seqs: Sequence[int]) -> None:
        with self._reached:
            self._applied.update(seqs)
            self._recent.extend(seqs)
            while len(self._recent) > _RECENT:
                oldest = self._recent.popleft()
                self._applied.discard(oldest)
                self._floor = max(self._floor, oldest)
            self._reached.notify_all()

    def _want_tick(self, n_rows: int) -> None:
        if n_rows > MAX_TRANSACTION or len(self._require_state().lists.tables.jobs.changed) > MAX_CHANGED_ROWS:
            self._rows_wanted.set()

    # --- The gate of changed rows ------------------------------------------------------------------------------------

    def _wait_for_confirmation(self, events: Sequence[LogEvent]) -> None:
        """Wait for `confirm` if these events would change too many rows within a minute."""
        changed = [(event.key or 0, event.at, event.seq) for event in events if event.kind == "job"]
        problem = self._gate.check(changed, self._require_state().lists.n_jobs)
        if problem is None:
            return
        _LOG.warning("events are paused: %s", problem)
        self.metrics.count("pauses")
        self._confirmed.clear()
        self._paused = problem
        self._store_pause(problem)
        while not self._stopped.is_set() and not self._confirmed.wait(1.0):
            pass
        self._paused = None

    def _store_pause(self, problem: str) -> None:
        """Store the pause, so that a process that starts meanwhile reports it."""
        seq = self._seq
        try:
            with give_up_if(_STOPPED):
                self.database.write(lambda connection: write_pause(connection, seq, problem))
        except DatabaseError as error:
            _LOG.info("the pause was not stored: %s", error)

    def confirm(self) -> None:
        """Apply the events that a gate has paused, and all that are in the log now. Permit a tick of empty tables."""
        self._gate.allow(self.log.end().seq)
        self._n_rows = 0, 0
        self.database.write(delete_pause)
        self._applied_pause = None
        self._confirmed.set()

    # --- Building in the background ----------------------------------------------------------------------------------

    def _run_work(self) -> None:
        while not self._stopped.is_set():
            try:
                work = self._work.get(timeout=1.0)
            except Empty:
                continue
            if work is not None:
                work()

    def _call_work(self, work: Callable[[], T]) -> T:
        """Run work in the thread that builds, and return its result."""
        if threading.current_thread().name == "live-work" or len(self._threads) < 2:
            return work()
        future: Future[T] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - the caller raises it
                future.set_exception(error)

        self._work.put(run)
        while not self._stopped.is_set():
            try:
                return future.result(0.2)
            except TimeoutError:
                if future.done():
                    raise
        raise _ClosedError

    def _queue_build(self, stored: StoredBasis) -> None:
        """Build the lists of a basis in the background. Of several that wait, only the newest is built."""
        self._build_queued = stored

        def run() -> None:
            wanted, self._build_queued = self._build_queued, None
            if wanted is None or wanted.number <= self._require_state().stored.number:
                return
            try:
                self._build(wanted, ())
                self._tick_failure = None
            except Exception as error:  # noqa: BLE001 - the status reports it
                _LOG.exception("the lists of basis %d were not built", wanted.number)
                self._fail_tick(error)

        self._work.put(run)

    def _build(self, stored: StoredBasis, events: Sequence[Event], seq: int = 0) -> None:
        """Build lists of a basis from the present tables and these events up to `seq`, and swap them in."""
        present = self._require_state().stored
        stored = present if present.number > stored.number else stored  # a tick was swapped in meanwhile
        model = self._require_state().lists.model if stored.promotion == present.promotion else None
        lists = self._build_lists(stored, model or self._find_model(stored.promotion), events)
        self._swap(lists, stored, seq)

    def _build_lists(self, stored: StoredBasis, model: ScoringModel, events: Sequence[Event] = ()) -> LiveLists:
        """Return lists of the present tables and these events. From now on, events are captured for them."""
        start = time.perf_counter()
        tables = self._copy_tables()
        try:
            for event in events:
                self._apply(tables, event)
            with limit_threads(_BUILD_THREADS):
                lists = LiveLists(
                    tables.fold(stored.as_of), model, stored.basis, k=self.k, accepted=self._require_state().lists.model
                )
        except BaseException:
            self._captured = None
            raise
        self.metrics.observe("build_seconds", time.perf_counter() - start)
        return lists

    def _copy_tables(self) -> LiveTables:
        """Return a copy of the present tables. From now on, events are captured for the lists that are built of it."""
        with self._applying.reading():
            self._captured = []
            return self._require_state().lists.tables.copy()

    def _swap(self, lists: LiveLists, stored: StoredBasis, seq: int = 0) -> None:
        """Apply the captured events to new lists, then replace the present lists.

        Reads wait only for the replacement. Events wait for the last captured ones: new lists may never catch up with
        a log that is written as fast as events can be applied.
        """
        for _ in range(_ROUNDS):
            with self._applying.reading():
                events, self._captured = self._captured or [], []
            self._apply_captured(lists, events)
            if len(self._captured or ()) <= _FEW:
                break
        with self._applying.reading():
            events, self._captured = self._captured or [], None
            self._apply_captured(lists, events)
            state = _make_state(lists, stored)
            with self._lock:
                self._keep_counts()
                replaced, self._state, self._is_partial = [self._state], state, False
                self._seq = max(self._seq, seq)
        before = None if replaced[0] is None else replaced[0].stored
        if before is None or before.number != stored.number:
            self._ticked_at = time.monotonic()
        if before is not None and before.promotion != stored.promotion:
            name, number = lists.model.name, stored.promotion
            _MODEL_LOG.info("lists have the model %s since basis %d (decision %d)", name, stored.number, number)
        ProcessSettings.discard(replaced)
        fault_injection.reach("lists swapped")

    def _apply_captured(self, lists: LiveLists, events: Sequence[Event]) -> None:
        for start in range(0, len(events), _CAUGHT_UP):
            self._apply_rows(lists, events[start : start + _CAUGHT_UP])

    def _keep_counts(self) -> None:
        """Add the counts of lists that are replaced to those of the engine."""
        if self._state is not None:
            self.metrics.count("rebuilds", self._state.lists.n_rebuilds)
            self.metrics.count("refills", self._state.lists.n_refills)

    # --- Loading -----------------------------------------------------------------------------------------------------

    def _reload(self, reason: str) -> None:
        """Read the tables again and build all lists. Until it succeeds, the lists stay as they are."""
        self._reload_wanted = reason
        self.metrics.count("reloads")
        while not self._stopped.is_set():
            try:
                self._call_work(self._load_and_swap)
                self._reload_wanted = None
                # an import may have replaced the factors; those that are trained are kept
                self._factors_wanted = self._require_state().lists.tables.tables.user_factors is not None
                self._renewed_at = -1e9  # another database has another lease
                self._tick_wanted.set()
                return
            except DatabaseError as error:
                self._note_unreachable(error)
            except _ClosedError:
                return
            except Exception as error:  # noqa: BLE001 - the status reports it
                _LOG.exception("the tables cannot be used; the lists stay as they are")
                self._reload_wanted = f"{reason}: {type(error).__name__}: {error}"
                self._stopped.wait(_RETRY_SECONDS)

    def _load_and_swap(self) -> None:
        loaded, stored = self._load()
        lists = LiveLists(loaded.tables, self._find_model(stored.promotion), stored.basis, k=self.k)
        lists.warm_up()
        self._note_rows(len(loaded.tables.tables.jobs), len(loaded.tables.tables.users))
        state = _make_state(lists, stored)
        with self._applying.reading(), self._lock:
            self._captured = None
            self._keep_counts()
            replaced, self._state, self._is_partial = [self._state], state, False
            self._position, self._seq, self._floor = loaded.end, loaded.end.seq, loaded.end.seq
            self._unreachable_since = None
        ProcessSettings.discard(replaced)
        with self._reached:
            self._recent.clear()
            self._applied.clear()
            self._reached.notify_all()
        age = (self._now() - stored.as_of).total_seconds()
        self._ticked_at = time.monotonic() - min(max(0.0, age), self.tick_seconds)
        self._gate.reset()

    def _load(self) -> tuple[_Loaded, StoredBasis]:
        """Return the content of the database, and its basis or the first one, which the leader writes."""
        while True:
            loaded = self.database.read(self._read_all)
            if loaded.stored is not None and self._has_windows(loaded.stored):
                return loaded, loaded.stored
            if self._renew():
                stored = self._write_first(loaded)
                if stored is not None:
                    return loaded, stored
                continue  # another process was faster
            if loaded.newest is not None:  # the leader is of another version of this package
                return loaded, self._recompute(*loaded.newest, tables=loaded.tables)
            if self._stopped.wait(_LEAD_SECONDS):
                raise _ClosedError

    def _read_all(self, connection: Connection) -> _Loaded:
        """Return the tables, the end of the log, and the newest basis. The connection has one snapshot."""
        board = read_board(connection)
        found = read_tables(connection, board)
        DataReport.of(found).require(MAX_REJECTED, ADVICE)  # actions of deleted jobs are not counted
        tables, _ = accept_tables(found, on_bad="quarantine", board=board)
        # actions whose user or job does not exist count as soon as it appears
        live = LiveTables(tables.with_tables(actions=found["actions"].frame))
        stored, newest = self._store.read(connection), self._store.find_newest(connection)
        if stored is not None:
            tail = self.log.read_tail(connection, stored.as_of)
            live.note_events([event.event() for event in tail if event.kind in _ROWS], stored.as_of)
        return _Loaded(live, self.log.end(connection), stored, newest)

    def _write_first(self, loaded: _Loaded) -> StoredBasis | None:
        """Compute the first basis of a database, train its factors, and write it; None if another process has."""
        number, promotion = 1, self._find_promotion()
        as_of = self._now()
        if loaded.newest is not None:
            number, as_of = loaded.newest[0] + 1, max(as_of, loaded.newest[1])
        basis = self._compute_first(loaded.tables, as_of, self._find_model(promotion))
        try:
            return self._write_tick(number, basis, promotion)
        except LeaseLostError:
            return None

    def _compute_first(self, tables: LiveTables, as_of: datetime, model: ScoringModel) -> Basis:
        dataset = tables.make_dataset(Clock(pd.Timestamp(as_of), set_back=False))
        return Statistics(dataset).basis.materialize(_find_windows(model), find_job_windows(model))

    def _recompute(self, number: int, as_of: datetime, tables: LiveTables | None = None) -> StoredBasis:
        """Return the basis of a clock, computed by this process because it cannot read the stored one."""
        if tables is None:
            with self._applying.reading():
                state = self._require_state()
                tables, before = state.lists.tables.copy(), state.stored
            dataset = tables.make_dataset(Clock(pd.Timestamp(as_of), set_back=False))
            return replace(before, number=number, digest="", basis=make_next_basis(dataset, before.basis))
        promotion = self._find_promotion()
        return StoredBasis(number, "", self._compute_first(tables, as_of, self._find_model(promotion)), promotion)

    # --- Leading -----------------------------------------------------------------------------------------------------

    def _lead(self) -> None:
        """Renew the lease, and start ticks when they are due, until the engine stops."""
        while not self._stopped.is_set():
            try:
                with give_up_if(_STOPPED):
                    self._lead_once()
            except ScoringError as error:
                _LOG.info("the leader's work failed: %s", error)
            except Exception:  # noqa: BLE001 - the thread must not end
                _LOG.exception("the leader's work failed")
            self._stopped.wait(_LEAD_SECONDS)

    def _lead_once(self) -> None:
        now = time.monotonic()
        if now - self._renewed_at >= self._lease.seconds / 3:
            self._renew()
        if self._state is None:
            return
        if self._lease.fence is not None:
            if now - self._promotions_read_at >= _PROMOTION_SECONDS:
                self._promotions_read_at = now
                self._check_promotion()
            age = now - self._ticked_at
            wanted_by_rows = self._rows_wanted.is_set() and age >= self._tick_took / EARLY_SHARE
            is_early = (self._tick_wanted.is_set() or wanted_by_rows) and age >= EARLY_SECONDS
            if (age >= self.tick_seconds or is_early) and not self._tick_running:
                self._tick_running = True
                self._tick_wanted.clear()
                self._rows_wanted.clear()
                self._work.put(self._tick_safely)
        if now - self._triggers_read_at >= _READER_SECONDS:
            self._triggers_read_at = now
            self._has_triggers = self.log.has_triggers
        if self._lease.fence is not None and now - self._cut_at >= _CUT_SECONDS:
            self._cut_at = now
            self.log.cut()

    def _renew(self) -> bool:
        start = self._renewed_at = time.monotonic()
        try:
            is_leader = self.database.write(self._lease.renew)
        except DatabaseError:
            if start - self._held_at > self._lease.seconds:
                self._lease.fence = None
            raise
        if is_leader:
            self._held_at = start
        return is_leader

    def _check_promotion(self) -> None:
        number = self._find_promotion()
        if self._tick_running:  # it may be the tick of this promotion: look again after it
            return
        if number not in (self._require_state().stored.promotion, self._failed_promotion):
            self._tick_wanted.set()

    def _find_promotion(self) -> int:
        """Return the number of the last promotion or rollback; 0 if none counts."""
        if self._registry is None or self._fixed_model is not None:
            return 0
        return 0 if self._registry.find_promotion() is None else len(self._registry.list_decisions())

    def _has_windows(self, stored: StoredBasis) -> bool:
        """Return whether a basis contains what the model counts. It may be of a start with another model."""
        model, basis = self._find_model(stored.promotion), stored.basis
        return _find_windows(model) <= set(basis.popularity) and find_job_windows(model) <= set(basis.job_popularity)

    def _find_model(self, promotion: int) -> ScoringModel:
        """Return the model of a promotion. Its files are read once: later changes of a file have no effect."""
        if self._fixed_model is not None:
            return self._fixed_model
        if self._found_model is None or self._found_model[0] != promotion:
            if self._registry is None or promotion == 0:
                model = load_model("standard")
            else:
                decisions = self._registry.list_decisions()
                model = self._registry.load_promotion(decisions[promotion - 1]).model
            self._found_model = promotion, model
        return self._found_model[1]

    def tick(self, *, with_factors: bool = False) -> int:
        """Compute and write a basis now; return its number. Only the leader can.

        Parameters
        ----------
        with_factors: Train the factors, or read those of the tables; False: keep them.

        Raises
        ------
        ConfigurationError: If another process is the leader.
        ScoringError: If the tick fails; the earlier basis is kept.
        """
        if self._lease.fence is None:
            raise ConfigurationError("Another process is the leader and writes the ticks.", key=("leader",))
        self._factors_wanted |= with_factors
        return self._call_work(self._tick)

    def _tick_safely(self) -> None:
        try:
            self._tick()
        except Exception as error:  # noqa: BLE001 - the status reports it
            if not isinstance(error, ScoringError):
                _LOG.exception("a tick failed")
        finally:
            self._tick_running = False

    def _tick(self) -> int:
        """Compute the next basis and its lists, write it, and swap the lists. Return its number."""
        start = time.perf_counter()
        try:
            number = self._compute_tick()
        except Exception as error:
            self._captured = None
            self._fail_tick(error)
            raise
        self._tick_failure = None
        self._tick_took = time.perf_counter() - start
        self.metrics.count("ticks")
        self.metrics.observe("tick_seconds", self._tick_took)
        return number

    def _fail_tick(self, error: Exception) -> None:
        self.metrics.count("failed_ticks")
        self._ticked_at = time.monotonic()
        self._tick_failure = f"{type(error).__name__}: {error}"

    def _compute_tick(self) -> int:
        """Return the number of the next basis, whose lists replace the present ones."""
        before, model_before = self._require_state().stored, self._require_state().lists.model
        as_of = max(self._now().astimezone(UTC), before.as_of)
        promotion, model = self._choose_model(before.promotion)
        with_factors, self._factors_wanted = self._factors_wanted, False
        tables = self._copy_tables().fold(as_of)
        with limit_threads(_BUILD_THREADS):
            dataset = tables.make_dataset(Clock(pd.Timestamp(as_of), set_back=False))
            _require_rows(dataset, self._n_rows)
            basis = make_next_basis(dataset, before.basis, _find_windows(model), find_job_windows(model))
            if with_factors:
                basis = Statistics(dataset).basis.materialize(basis.popularity, basis.job_popularity)
            _require_values(basis)
            start = time.perf_counter()
            try:
                lists = LiveLists(tables, model, basis, k=self.k, dataset=dataset, accepted=model_before)
            except ScoringError as error:
                if promotion == before.promotion:
                    raise
                self._fail_promotion(promotion, error)
                promotion = before.promotion
                lists = LiveLists(tables, model_before, basis, k=self.k, dataset=dataset, accepted=model_before)
        self.metrics.observe("build_seconds", time.perf_counter() - start)
        stored = self._write_tick(before.number + 1, basis, promotion)
        if stored is None:
            raise LeaseLostError(self._lease.fence or 0)
        self._swap(lists, stored)
        self._note_rows(len(dataset.jobs), len(dataset.users))
        return stored.number

    def _note_rows(self, n_jobs: int, n_users: int) -> None:
        """Let the next ticks require jobs and users, if there are some now."""
        self._n_rows = n_jobs or self._n_rows[0], n_users or self._n_rows[1]

    def _choose_model(self, before: int) -> tuple[int, ScoringModel]:
        """Return the promotion in use and its model; the earlier ones if the model cannot be read."""
        promotion = self._find_promotion()
        if promotion in (before, self._failed_promotion):
            return before, self._require_state().lists.model
        try:
            model = self._find_model(promotion)
        except ScoringError as error:
            self._fail_promotion(promotion, error)
            return before, self._require_state().lists.model
        self._model_failure, self._failed_promotion = None, 0
        return promotion, model

    def _fail_promotion(self, promotion: int, error: Exception) -> None:
        _LOG.warning("promotion %d cannot be used: %s", promotion, error)
        self._failed_promotion, self._model_failure = promotion, f"{type(error).__name__}: {error}"

    def _write_tick(self, number: int, basis: Basis, promotion: int) -> StoredBasis | None:
        """Write a basis and its event in one transaction; None if another process has written one."""

        def work(connection: Connection) -> StoredBasis | None:
            self._lease.require(connection)
            fault_injection.reach("tick begun")
            newest = self._store.find_newest(connection)
            if newest is not None and newest[0] >= number:
                # the connection may have been lost after a commit: then an earlier attempt has stored the row
                stored = self._store.read(connection, number)
                return stored if stored is not None and stored.basis.digest == basis.digest else None
            stored = self._store.write(connection, number, basis, promotion)
            fault_injection.reach("basis inserted")
            clock = stored.as_of.isoformat()
            body = {"number": number, "clock": clock, "digest": stored.digest, "promotion": promotion}
            self.log.append("tick", number, body, connection)
            if promotion != self._written_promotion():
                self.log.append("model", promotion, {"number": promotion}, connection)
            fault_injection.reach("tick inserted")
            return stored

        found = self.database.write(work)
        fault_injection.reach("tick committed")
        return found

    def _written_promotion(self) -> int:
        return 0 if self._state is None else self._state.stored.promotion

    # --- Verification ------------------------------------------------------------------------------------------------

    def verify(self) -> VerifyReport:
        """Compare all lists with lists that are computed from scratch, and the tables with those of the database.

        Raises
        ------
        DatabaseError: If the database cannot be read.
        """
        while True:
            with self._applying.reading():
                if not self._is_partial:
                    state = self._require_state()
                    tables, seq, position = state.lists.tables.copy(), self._seq, self._position
                    state.lists.refill()
                    self._publish(seq)
                    found = state.published.copy()
                    break
            self._stopped.wait(self._poll_seconds)
        assert position is not None
        return verify_lists(self.database, self.log, state.lists.model, state.stored, tables, found, seq, position)


def _make_state(lists: LiveLists, stored: StoredBasis) -> _State:
    """Return lists that no longer build their arrays in place, and their copies for readers."""
    lists.builds_in_place = False
    return _State(lists, lists.publish(), stored)


def _find_windows(model: ScoringModel) -> set[float]:
    """Return the popularity windows of a model, in days."""
    components = [part.component for part in model.parts]
    days = [getattr(component, "days", None) for component in components if "actions" in component.reads]
    return {float(WINDOW_DAYS), *(float(value) for value in days if value is not None)}


def _divide(events: Sequence[LogEvent]) -> Iterator[Sequence[LogEvent]]:
    """Yield the events in order: rows in chunks, each other event alone."""
    start = 0
    while start < len(events):
        stop = start + 1
        while stop < min(len(events), start + _CHUNK) and {events[start].kind, events[stop].kind} <= {*_ROWS}:
            stop += 1
        yield events[start:stop]
        start = stop


def _get_number(event: LogEvent) -> int:
    """Return the number of a tick."""
    assert event.key is not None
    return event.key


def _is_known(tables: LiveTables, event: Event) -> bool:
    assert event.body is not None
    return tables.users.contains(event.key) and tables.jobs.contains(event.body["job_id"])


def _require_rows(dataset: Dataset, n_before: tuple[int, int]) -> None:
    """Require that a dataset has jobs and users, if there were some before."""
    for name, n, before in (("jobs", len(dataset.jobs), n_before[0]), ("users", len(dataset.users), n_before[1])):
        if n == 0 and before > 0:
            raise _TickRejectedError(
                f"The table {name} is empty. The earlier basis is kept. If this is right, send POST /confirm with the "
                "write token, or call confirm()."
            )


def _require_values(basis: Basis) -> None:
    """Require finite numbers in a basis."""
    for name, array in basis.arrays().items():
        if array.dtype.kind == "f" and not name.startswith("factors.") and np.isinf(array).any():
            raise _TickRejectedError(f"The values {name} of the basis are not finite. The earlier basis is kept.")
