"""A warning when the work takes longer per user than it may."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

from scoring.errors import ConfigurationError
from scoring.telemetry.operations import Done

__all__ = ["Alert", "AlertStatistics", "TargetAlert"]

WINDOW: Final = 20
"""Operations with users that the running ms per user is taken from."""

_LOG: Final = logging.getLogger("scoring.alerts")


@dataclass(frozen=True)
class Alert:
    """The running milliseconds per user have passed the target."""

    ms_per_user: float
    target_ms_per_user: float
    operations: int  # that the figure is of
    users: int


Callback = TypeVar("Callback", bound=Callable[[Alert], object])


@dataclass(frozen=True)
class AlertStatistics:
    """The running milliseconds per user beside the target; `met` is None before the first operation with users."""

    ms_per_user: float | None
    target_ms_per_user: float
    met: bool | None
    alerts: int

    def as_dict(self) -> dict[str, Any]:
        """The same as a plain dictionary, which JSON can hold."""
        return asdict(self)


class TargetAlert:
    """Watches the running milliseconds per user: those of the last `window` operations that had users, by users.

    When they pass the target there is one warning in the log `scoring.alerts`, and the callbacks are called in the
    thread that did the work; again only after they came back to the target or below. A callback that raises is
    logged with its traceback and does not break the work. `target_ms_per_user` may be a function, asked each time.

    >>> alert = TargetAlert(180)
    >>> operations = Operations(listeners=[alert.observe])
    >>> alert.on(lambda alert: print(alert.ms_per_user))

    Raises ConfigurationError where the target is not above 0 or the window not 1 or more.
    """

    def __init__(self, target_ms_per_user: float | Callable[[], float], *, window: int = WINDOW) -> None:
        if not callable(target_ms_per_user) and not (math.isfinite(target_ms_per_user) and target_ms_per_user > 0):
            raise ConfigurationError(f"target_ms_per_user is {target_ms_per_user!r}; it must be a number above 0.")
        if window < 1:
            raise ConfigurationError(f"window is {window!r}; a whole number is needed, 1 or more.")
        self._target = target_ms_per_user
        self._lock = threading.Lock()
        self._latest: deque[tuple[int, float]] = deque(maxlen=window)
        self._above = False
        self._alerts = 0
        self._callbacks: list[Callable[[Alert], object]] = []

    @property
    def target_ms_per_user(self) -> float:
        """The target as it is now."""
        return self._target() if callable(self._target) else self._target

    def on(self, callback: Callback) -> Callback:
        """Calls `callback(alert)` at every alert from now on; gives it back, so that this can be a decorator."""
        with self._lock:
            self._callbacks.append(callback)
        return callback

    def off(self, callback: Callable[[Alert], object]) -> None:
        """Calls it no more. Raises ConfigurationError where it was not given to `on`."""
        with self._lock:
            if callback not in self._callbacks:
                raise ConfigurationError(f"{callback!r} is no callback of this alert; give one that `on` was given.")
            self._callbacks.remove(callback)

    def observe(self, done: Done) -> None:
        """Takes a finished operation in; one without users does not count."""
        if not done.users:
            return
        target = self.target_ms_per_user
        with self._lock:
            self._latest.append((done.users, done.seconds))
            running = self._running()
            assert running is not None
            passed = running > target and not self._above
            self._above = running > target
            self._alerts += passed
            callbacks = tuple(self._callbacks)
            alert = Alert(running, target, len(self._latest), sum(users for users, _ in self._latest))
        # outside the lock: a callback may ask this object, or score
        if passed:
            _report(alert, callbacks)

    def statistics(self) -> AlertStatistics:
        """Where the running figure stands."""
        target = self.target_ms_per_user
        with self._lock:
            running = self._running()
            return AlertStatistics(running, target, None if running is None else running <= target, self._alerts)

    def _running(self) -> float | None:
        # summed anew each time: a sum with additions and subtractions would drift
        users = sum(users for users, _ in self._latest)
        return 1000 * math.fsum(seconds for _, seconds in self._latest) / users if users else None


def _report(alert: Alert, callbacks: tuple[Callable[[Alert], object], ...]) -> None:
    _LOG.warning(
        "%.3f ms per user, over the last %d operations, is above the target of %g.",
        alert.ms_per_user,
        alert.operations,
        alert.target_ms_per_user,
        extra=asdict(alert),
    )
    for callback in callbacks:
        try:
            callback(alert)
        except Exception:  # noqa: BLE001 - somebody else's code, and not what was to be done; logged with its traceback
            _LOG.exception("A callback of the alert failed; the work goes on.")
