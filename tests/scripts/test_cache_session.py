"""The script that replays a session prints every cache, the targets and the comparison."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from scoring.facade.engine_state import CACHES
from tests.scripts.conftest import Done


def test_session_reports_every_cache_and_target(tmp_path: Path, run_script: Callable[..., Done]) -> None:
    plot = tmp_path / "caches.png"
    sizes = ["--users", "30", "--jobs", "150", "--requests", "30", "--plot", str(plot)]
    done = run_script("cache_session.py", *sizes)
    assert done.returncode == 0, done.stderr
    assert all(f"\n{name} " in done.stdout for name in CACHES)
    assert done.stdout.count("target above") == 3
    assert "0 of 30 differ from those with all caches off" in done.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")
