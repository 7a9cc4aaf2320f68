"""What a driver receives from its session with a cluster, in order."""

from __future__ import annotations

from typing import Any, NamedTuple

from scoring.runs.executors.part_queue import Part

__all__ = ["Admitted", "Event", "Excluded", "Failed", "Finished", "Lost", "Message", "Ranked", "Unranked"]


class Admitted(NamedTuple):
    """A worker passed the preflight."""

    worker: str
    threads: int
    transfer_seconds: float
    compile_seconds: float


class Excluded(NamedTuple):
    """A worker did not pass the preflight, or failed later."""

    worker: str
    reason: str


class Ranked(NamedTuple):
    """A worker returned a part."""

    worker: str
    part: Part
    result: dict[str, Any]


class Unranked(NamedTuple):
    """Several workers were lost with this part: the driver ranks it."""

    part: Part


class Message(NamedTuple):
    """A sentence for the user."""

    text: str


class Lost(NamedTuple):
    """The scheduler or all workers are lost: the driver ranks the rest."""

    reason: str


class Failed(NamedTuple):
    """The session cannot begin."""

    error: Exception


class Finished(NamedTuple):
    """No part waits, and none is with a worker."""


Event = Admitted | Excluded | Ranked | Unranked | Message | Lost | Failed | Finished
