"""A MariaDB server of Debian's packages, on a socket of its own in a temporary folder."""

from __future__ import annotations

import getpass
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

NEEDED = ("mariadbd", "mariadb-install-db", "my_print_defaults")
START_SECONDS = 60


def find_missing_program() -> str | None:
    """Return the program without which no server can be started; None if all exist."""
    path = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
    return next((name for name in NEEDED if shutil.which(name, path=path) is None), None)


@contextmanager
def start_server() -> Iterator[str]:
    """Yield the URL of a database `test` on a new server, and stop the server."""
    with tempfile.TemporaryDirectory(prefix="mdb", dir="/tmp") as folder:  # short, because it contains a socket
        data, socket = Path(folder, "data"), Path(folder, "s")
        user = getpass.getuser()
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--user={user}", "--skip-test-db",
             "--auth-root-authentication-method=normal"],
            check=True, capture_output=True,
        )  # fmt: skip
        mariadbd = shutil.which("mariadbd", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        server = subprocess.Popen(
            [str(mariadbd), "--no-defaults", f"--datadir={data}", f"--socket={socket}", f"--user={user}",
             "--skip-networking", f"--pid-file={folder}/pid", "--innodb-buffer-pool-size=16M",
             "--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            url = f"mysql+pymysql://root@localhost/test?unix_socket={socket}"
            _create_database(url, socket, server)
            yield url
        finally:
            server.terminate()
            server.wait(START_SECONDS)


def _create_database(url: str, socket: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not socket.exists():  # it exists when the server accepts connections
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the MariaDB server did not start: exit status {server.poll()}")
        time.sleep(0.05)
    engine = sa.create_engine(sa.make_url(url).set(database="mysql"))
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE DATABASE test CHARACTER SET utf8mb4"))
        connection.execute(sa.text("CREATE USER reader@localhost IDENTIFIED BY 'p@ss/wörd'"))
        connection.execute(sa.text("GRANT SELECT ON test.* TO reader@localhost"))
    engine.dispose()
