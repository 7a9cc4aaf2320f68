"""Retries of database work while its errors are transient.

Reads and writes fail within a minute. The last attempt begins at most `PATIENCE_SECONDS` after the first. It takes at
most ten seconds to connect, and twenty to detect that a server has stopped answering (see `silent_server_watchdog`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

import tenacity
from sqlalchemy.exc import SQLAlchemyError

from scoring.database.driver_errors import ErrorWrapper, is_transient
from scoring.errors import DatabaseError, pluralize

__all__ = ["give_up_if", "run_with_retry"]

T = TypeVar("T")

PATIENCE_SECONDS: Final = 30.0
FIRST_PATIENCE_SECONDS: Final = 3.0  # if the database has never answered: the URL is probably wrong

_NEVER: Final = threading.Event()
_STOPPED: Final = ContextVar("stopped", default=_NEVER)


@contextmanager
def give_up_if(stopped: threading.Event) -> Iterator[None]:
    """End the pauses of retries in this block when the event is set, and do not retry any more.

    For a thread whose work another thread may cancel.
    """
    token = _STOPPED.set(stopped)
    try:
        yield
    finally:
        _STOPPED.reset(token)


def run_with_retry(
    work: Callable[[], T],
    *,
    once: bool,
    connected: Callable[[], bool],
    convert: Callable[[BaseException], DatabaseError],
) -> T:
    """Return `work()`, retried with growing pauses while its errors are transient.

    Parameters
    ----------
    once: do not retry.
    connected: whether the database has answered before.
    convert: returns the DatabaseError of an error.

    Raises
    ------
    DatabaseError: If an error is not transient, or retries do not succeed in time.
    """

    stopped = _STOPPED.get()

    def is_over(state: tenacity.RetryCallState) -> bool:
        waited = state.seconds_since_start or 0.0
        patience = PATIENCE_SECONDS if connected() else FIRST_PATIENCE_SECONDS
        return once or stopped.is_set() or waited + state.upcoming_sleep > patience

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: is_transient(error, connected())),
        wait=tenacity.wait_exponential(multiplier=0.2, max=8.0) + tenacity.wait_random(0, 0.2),
        stop=is_over,
        sleep=tenacity.sleep_using_event(stopped) if stopped is not _NEVER else tenacity.nap.sleep,
        reraise=True,
    )

    def convert_with_attempts(error: BaseException) -> DatabaseError:
        tries, converted = retrying.statistics.get("attempt_number", 1), convert(error)
        if tries == 1:
            return converted
        return DatabaseError(f"{converted} Gave up after {pluralize(tries, 'attempt')}.", reason=converted.reason)

    with ErrorWrapper(convert_with_attempts, SQLAlchemyError, OSError):
        return retrying(work)
