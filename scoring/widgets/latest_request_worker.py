"""A thread that computes the latest request and cancels earlier ones.

`submit` returns at once, so the caller's thread and the kernel are not blocked.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from scoring.errors import RunCancelledError, ScoringError

__all__ = ["Status", "Worker"]

R = TypeVar("R")
S = TypeVar("S")

Kind = Literal["idle", "computing", "settled", "failed"]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Status:
    """State of the worker, the reason of a failure as a sentence, and the duration of the last computation."""

    kind: Kind
    reason: str = ""
    seconds: float = 0.0


class Worker(Generic[R, S]):
    """Computes requests one at a time on its own thread, and publishes the results of the latest.

    The thread ends when no request is left, so an unused worker, such as that of a rerun cell, leaves no thread.

    Parameters
    ----------
    stages: `stages(request, cancelled)` yields results, each more complete than the previous one. A newer request
        ends it between two results, and wherever it calls `cancelled`.
    publish: Called with each result on the worker's thread, unless a newer request exists.
    on_status: Called with each status on the worker's thread, unless a newer request exists.
    debounce: A request that follows another within this many seconds waits as long, and a newer request restarts the
        delay. Every other request starts at once.
    clock: Clock in seconds, replaced in tests.
    wait: Waits on a condition for some seconds, replaced in tests.
    """

    def __init__(
        self,
        stages: Callable[[R, Cancelled], Iterable[S]],
        publish: Callable[[S], None],
        on_status: Callable[[Status], None] = lambda status: None,
        *,
        debounce: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Condition, float], object] = threading.Condition.wait,
    ) -> None:
        self._stages, self._publish, self._on_status = stages, publish, on_status
        self._debounce, self._clock, self._wait = debounce, clock, wait
        self._changed = threading.Condition()
        self._request: R | None = None
        self._due, self._submitted_at = 0.0, -math.inf
        self._submitted = self._started = self._done = 0
        self._closed = False
        self._error: Exception | None = None
        self.status = Status("idle")
        self._thread: threading.Thread | None = None

    def submit(self, request: R) -> None:
        """Request a computation, and cancel earlier ones. A closed worker ignores the request."""
        with self._changed:
            if self._closed:
                return
            now = self._clock()
            is_repeated = now - self._submitted_at < self._debounce
            self._submitted, self._submitted_at = self._submitted + 1, now
            self._request, self._due = request, now + (self._debounce if is_repeated else 0.0)
            self._changed.notify_all()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="scoring-worker", daemon=True)
                self._thread.start()

    @property
    def is_superseded(self) -> bool:
        """Whether a newer request exists than the one that is computed, or was computed last."""
        return self._submitted != self._started

    def wait_idle(self, timeout: float | None = None) -> None:
        """Wait until the latest request is computed or the worker is closed.

        Raises
        ------
        TimeoutError: If `timeout` seconds pass first.
        Exception: The error that the computation raised.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._done == self._submitted, timeout):
                raise TimeoutError(
                    f"The computation did not end within {timeout:g} seconds. Wait again, with a larger timeout."
                )
            if self._error is not None:
                raise self._error

    def close(self, timeout: float | None = 5.0) -> None:
        """Cancel the computation and end the thread. No result is published afterwards."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                is_pending = self._submitted > self._done
                while is_pending and not self._closed and (left := self._due - self._clock()) > 0:
                    self._wait(self._changed, left)
                if self._closed or not is_pending:
                    self._thread = None  # set under the lock, so the next `submit` starts a new thread
                    return
                number, request = self._submitted, self._request
                self._started = number
            self._compute(number, request)  # type: ignore[arg-type]  # set by `submit`

    def _compute(self, number: int, request: R) -> None:
        def is_stale() -> bool:
            return self._closed or self._submitted != number

        start, error = self._clock(), None
        try:
            self._report(Status("computing"))
            for result in self._stages(request, is_stale):
                if is_stale():
                    return
                self._publish(result)
            if is_stale():
                return
            self._report(Status("settled", seconds=self._clock() - start))
        except Exception as problem:  # noqa: BLE001  # the thread must survive; `wait_idle` raises the error
            if isinstance(problem, RunCancelledError) and is_stale():
                return
            error = problem
            self._report_failure(Status("failed", _describe(problem), self._clock() - start), is_stale)
        with self._changed:
            self._error = error
            if self._submitted == number:
                self._done = number
                self._changed.notify_all()

    def _report_failure(self, status: Status, is_stale: Cancelled) -> None:
        """Report a failure. An error of the listener is ignored, because `wait_idle` must raise the first error."""
        if not is_stale():
            with suppress(Exception):
                self._report(status)

    def _report(self, status: Status) -> None:
        self.status = status
        self._on_status(status)


def _describe(error: Exception) -> str:
    return str(error) if isinstance(error, ScoringError) else f"{type(error).__name__}: {error}"
