"""The interface of tables that numbered events change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from scoring.dataset.clock import Clock

if TYPE_CHECKING:
    from scoring.dataset.dataset import Dataset

__all__ = ["EventSource"]


@runtime_checkable
class EventSource(Protocol):
    """Tables with events. `scoring.live.EventTables` implements it."""

    def dataset_at(self, upto: int, clock: Clock) -> Dataset:
        """Return the dataset at a clock after all events with numbers up to `upto`.

        A time of an event's row that is after the clock, but not after the time of the event, counts as at the clock.

        Raises
        ------
        ConfigurationError: If events up to `upto` are not available.
        """
        ...
