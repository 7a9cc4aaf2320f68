"""A process that migrates or creates a database. A separate module keeps the imports of a process small."""

from __future__ import annotations

from contextlib import nullcontext
from multiprocessing.connection import Connection

from scoring.database.database import Database
from scoring.telemetry.fault_injection import arm

__all__ = ["change_schema"]


def change_schema(pipe: Connection, url: str, method: str, fault: str) -> None:
    """Open the database, send "ready", wait for an answer, call the method and send the version.

    The process is killed when it reaches the point `fault`.
    """
    with arm(fault) if fault else nullcontext(), Database.open(url) as database:
        pipe.send("ready")
        pipe.recv()
        getattr(database, method)()
        pipe.send(database.schema_version())
