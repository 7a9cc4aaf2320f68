"""A warning when the time per user exceeds a target."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeVar

from scoring.errors import ConfigurationError
from scoring.telemetry.operations import OperationRecord

__all__ = ["Alert", "AlertStatistics", "TargetAlert"]

WINDOW: Final = 20
"""Number of operations with users in the running mean of milliseconds per user."""

_LOG: Final = logging.getLogger("scoring.alerts")


@dataclass(frozen=True)
class Alert:
    """The running mean of milliseconds per user has exceeded the target."""

    ms_per_user: float
    target_ms_per_user: float
    operations: int  # in the running mean
    users: int


Callback = TypeVar("Callback", bound=Callable[[Alert], object])


@dataclass(frozen=True)
class AlertStatistics:
    """Running mean of milliseconds per user, and the target. `met` is None before the first operation with users."""

    ms_per_user: float | None
    target_ms_per_user: float
    met: bool | None
    alerts: int

    def as_dict(self) -> dict[str, Any]:
        """Return the values as a dictionary that JSON can hold."""
        return asdict(self)


class TargetAlert:
    """Warn when the running mean of milliseconds per user exceeds a target.

    The mean is the time of the last `window` operations with users, divided by their users. When it exceeds the
    target, the logger `scoring.alerts` writes one warning, and the callbacks are called in the thread that did the
    work. The next alert follows only after the mean has returned to the target or below. An exception of a callback
    is logged with its traceback and does not stop the work.

    Parameters
    ----------
    target_ms_per_user: Milliseconds per user, or a function that returns them and is called for each operation.
    window: Number of operations with users in the mean.

    Raises
    ------
    ConfigurationError: If the target is not a number above 0, or `window` is below 1.

    Example
    -------
    >>> alert = TargetAlert(180)
    >>> messages = []
    >>> callback = alert.on(lambda alert: messages.append(alert.ms_per_user))
    >>> alert.statistics().target_ms_per_user
    180
    """

    def __init__(self, target_ms_per_user: float | Callable[[], float], *, window: int = WINDOW) -> None:
        if not callable(target_ms_per_user) and not (math.isfinite(target_ms_per_user) and target_ms_per_user > 0):
            raise ConfigurationError(
                f"target_ms_per_user is {target_ms_per_user!r}. Use a number above 0.", key=("target_ms_per_user",)
            )
        if window < 1:
            raise ConfigurationError(f"window is {window!r}. Use an integer of 1 or more.", key=("window",))
        self._target = target_ms_per_user
        self._lock = threading.Lock()
        self._latest: deque[tuple[int, float]] = deque(maxlen=window)
        self._is_above = False
        self._alerts = 0
        self._callbacks: list[Callable[[Alert], object]] = []

    @property
    def target_ms_per_user(self) -> float:
        """The current target."""
        return self._target() if callable(self._target) else self._target

    def on(self, callback: Callback) -> Callback:
        """Call `callback(alert)` at every later alert. Return the callback, so that this method can be a decorator."""
        with self._lock:
            self._callbacks.append(callback)
        return callback

    def off(self, callback: Callable[[Alert], object]) -> None:
        """Stop calling a callback.

        Raises
        ------
        ConfigurationError: If the callback was not given to `on`.
        """
        with self._lock:
            if callback not in self._callbacks:
                raise ConfigurationError(
                    f"{callback!r} is not a callback of this alert. Give a callback that was passed to `on`.",
                    key=("callback",),
                )
            self._callbacks.remove(callback)

    def observe(self, record: OperationRecord) -> None:
        """Add a finished operation. Operations without users are ignored."""
        if not record.users:
            return
        target = self.target_ms_per_user
        with self._lock:
            self._latest.append((record.users, record.seconds))
            running = self._running_mean()
            assert running is not None
            is_new = running > target and not self._is_above
            self._is_above = running > target
            self._alerts += is_new
            callbacks = tuple(self._callbacks)
            alert = Alert(running, target, len(self._latest), sum(users for users, _ in self._latest))
        # outside the lock: a callback may call this object, or score
        if is_new:
            _report(alert, callbacks)

    def statistics(self) -> AlertStatistics:
        """Return the running mean, the target and the number of alerts."""
        target = self.target_ms_per_user
        with self._lock:
            running = self._running_mean()
            return AlertStatistics(running, target, None if running is None else running <= target, self._alerts)

    def _running_mean(self) -> float | None:
        # computed from all durations each time: a sum that is updated accumulates rounding errors
        users = sum(users for users, _ in self._latest)
        return 1000 * math.fsum(seconds for _, seconds in self._latest) / users if users else None


def _report(alert: Alert, callbacks: tuple[Callable[[Alert], object], ...]) -> None:
    _LOG.warning(
        "%.3f ms per user over the last %d operations exceeds the target of %g.",
        alert.ms_per_user,
        alert.operations,
        alert.target_ms_per_user,
        extra=asdict(alert),
    )
    for callback in callbacks:
        try:
            callback(alert)
        except Exception:  # noqa: BLE001 - user code, which must not stop the work; logged with its traceback
            _LOG.exception("A callback of the alert failed. The operation continues.")
