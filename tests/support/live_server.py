"""`scoring live` as a process, and requests to it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.database.writers import save_tables
from scoring.live.live_tables import make_row
from scoring.synthetic import make_market
from tests.support.child_signals import restore_signals

__all__ = ["TOKENS", "Answer", "LiveServer", "make_live_market", "run_live", "serve_live"]

SECONDS: Final = 300
"""Timeout of one step on a busy machine."""

TOKENS: Final = {scope: f"{scope}-" + scope[0] * 20 for scope in ("read", "explain", "write")}


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """The code of an error."""
        code: str = self.json["error"]["code"]
        return code


class LiveServer:
    """`scoring live` in its own process, on a free port."""

    def __init__(self, folder: Path, *options: str, db: str = "market.db") -> None:
        self.folder, self.database = folder, str(folder / db) if "://" not in db else db
        tokens = folder / "tokens"
        if not tokens.exists():
            tokens.touch(0o600)
            tokens.write_text("".join(f"{scope}: {token}\n" for scope, token in TOKENS.items()))
        self.stderr = folder / "stderr.txt"
        with self.stderr.open("w") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scoring.cli", "live", "--db", db, "--port", "0", *options],
                cwd=folder,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
                preexec_fn=restore_signals,
            )
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if found := re.search(r"http://127\.0\.0\.1:(\d+)$", line.strip()):
                self.port = int(found[1])
                return
        raise AssertionError("".join(lines) + self.stderr.read_text())

    def ask(
        self,
        method: str,
        path: str,
        token: str | None = "read",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request on a new connection. Bytes are sent as they are, other bodies as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        sent = {} if token is None else {"Authorization": f"Bearer {TOKENS.get(token, token)}"}
        content: bytes | None = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(method, path, content, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **options: Any) -> Answer:
        return self.ask("GET", path, **options)

    def get_after(self, path: str, seq: int, **options: Any) -> Answer:
        """Return the answer after an event. On a busy machine, its lists take more than the second that it waits."""
        end = time.monotonic() + SECONDS
        while (answer := self.get(f"{path}?after={seq}", **options)).status == 409 and time.monotonic() < end:
            pass
        return answer

    def post(self, *events: object, **options: Any) -> Answer:
        return self.ask("POST", "/events", **{"token": "write", "body": {"events": events}, **options})

    def copy_best_job(self, job_id: int, user: int = 1, **values: Any) -> dict[str, Any]:
        """Return the event of a new job with the row of the best job of a user: it is in the user's list, too."""
        best = self.get(f"/users/{user}/jobs").json["jobs"][0]["job_id"]
        with Database.open(self.database) as database:
            jobs = load_tables(database).jobs
        row = make_row(jobs[jobs["job_id"] == best].iloc[0])
        plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        return {"kind": "job", "row": {**plain, "job_id": job_id, "external_id": None, **values}}

    def send_raw(self, content: bytes, *, end: bool = False, seconds: float = SECONDS) -> bytes:
        """Send bytes on a new connection, and return all bytes until the server closes it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            with suppress(ConnectionError):
                connection.sendall(content)
                if end:
                    connection.shutdown(socket.SHUT_WR)
            received = b""
            with suppress(ConnectionError):
                while chunk := connection.recv(65_536):
                    received += chunk
            return received

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and the remaining output."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, output


@contextmanager
def serve_live(folder: Path, *options: str, db: str = "market.db") -> Iterator[LiveServer]:
    """Yield a server that is ended at the end of the block."""
    server = LiveServer(folder, *(options or ("--tokens", "tokens")), db=db)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def run_live(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `scoring live` with options that make it exit."""
    return subprocess.run(
        [sys.executable, "-m", "scoring.cli", "live", "--db", "market.db", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        preexec_fn=restore_signals,
    )


def make_live_market(folder: Path, n_users: int = 40, n_jobs: int = 200, url: str | None = None) -> Path:
    """Write a market whose clock is now to a database; None: to a SQLite file. Return the path of that file."""
    path = folder / "market.db"
    with Database.open(url or path) as database:
        database.create()
        save_tables(database, make_market(n_users, n_jobs, 10 * n_users, seed=3, as_of=str(datetime.now(UTC))).tables)
    return path
