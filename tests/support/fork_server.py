"""A warm process that forks one `scoring` command after another, and kills each as requested.

Each line of its input is `{"arguments": [...], "fault": [point, nth] | [point, nth, errno] | null, "after": seconds |
null, "room": bytes | null}`:

- `fault`: the point where the command is killed, or where its disk fails with `errno`
- `after`: the seconds after which the command is killed
- `room`: the maximum size of a file

Each line of its output is `{"status": ..., "points": [...], "said": "..."}`. The process has one thread and no
open connection when it forks.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from typing import Any

from scoring.database import retry
from scoring.runs import shards
from scoring.telemetry import fault_injection

ROWS_PER_SHARD = 80


def main() -> None:
    shards.ROWS_PER_SHARD = ROWS_PER_SHARD  # type: ignore[misc]
    _warm()
    _say("ready")
    for line in sys.stdin:
        _say(json.dumps(_answer(json.loads(line))))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _warm() -> None:
    """Run the command once, so that forked commands find modules and kernels loaded and start immediately."""
    import typer.main

    from scoring.cli import main as command
    from scoring.database.database import Database
    from scoring.database.writers import save_tables
    from scoring.synthetic import make_market

    typer.main.get_command = functools.cache(typer.main.get_command)  # forked commands find the tree of commands built
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        with Database.open(f"{folder}/market.db") as database:
            save_tables(database, make_market(20, 60, 200, seed=1).tables)
        places = ["--db", f"{folder}/market.db", "--out", f"{folder}/runs"]
        for k in ("3", "4"):  # the second run is compared with the first
            with contextlib.suppress(SystemExit):
                command(["run", *places, "--top-k", k, "--workers", "1", "--resume"])
    gc.collect()
    gc.freeze()  # forked commands do not copy these objects when they collect garbage


def _answer(wanted: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        told, points = os.path.join(folder, "told"), os.path.join(folder, "points")
        handle = os.open(told, os.O_WRONLY | os.O_CREAT)  # opened before the fork: a child may be killed at once
        child = os.fork()
        if not child:
            _child(wanted, handle, points)
        os.close(handle)
        if wanted["after"] is not None:
            time.sleep(wanted["after"])
            os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with open(told, encoding="utf-8") as file:
            said = file.read()
        passed = []
        if os.path.exists(points):
            with open(points, encoding="utf-8") as file:
                passed = json.load(file)
    return {"status": status, "points": passed, "said": said}


def _child(wanted: dict[str, Any], told: int, points: str) -> None:
    status = 99
    try:
        for stream in (1, 2):
            os.dup2(told, stream)
        from scoring.cli import main as command

        name, nth, *numbers = wanted["fault"] or (fault_injection.ANY, 10**9)
        error = OSError(numbers[0], os.strerror(numbers[0])) if numbers else None
        if wanted["room"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (wanted["room"], wanted["room"]))
        if error is not None or wanted["room"] is not None:
            retry.PATIENCE_SECONDS = 0.5  # type: ignore[misc]  # the disk does not recover
        with fault_injection.record_reached() as passed, fault_injection.arm(name, nth, error):
            try:
                command(wanted["arguments"])
            except SystemExit as end:
                status = int(end.code or 0)
        with open(f"{points}.new", "w", encoding="utf-8") as file:
            json.dump(passed, file)
        os.replace(f"{points}.new", points)  # atomic, because the child may be killed here
    except BaseException:  # noqa: BLE001 - report every error to the parent, then exit
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
