"""The session script, at a small size: it shows every cache, the targets and the comparison."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scoring.facade.engine_state import CACHES

ROOT = Path(__file__).parents[2]


def test_session_reports_every_cache_and_target(tmp_path: Path) -> None:
    plot = tmp_path / "caches.png"
    sizes = ["--users", "30", "--jobs", "150", "--requests", "60", "--plot", str(plot)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/cache_session.py"), *sizes],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert all(f"\n{name} " in done.stdout for name in CACHES)
    assert done.stdout.count("target above") == 3
    assert "0 of 60 differ from those with all caches off" in done.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")
