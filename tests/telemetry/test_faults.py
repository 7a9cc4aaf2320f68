"""Fault points do nothing unless a test arms them; then they fire once, at the chosen call."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scoring.telemetry import faults

ROOT = Path(__file__).parents[2]


def test_a_point_does_nothing_unless_it_is_armed() -> None:
    with faults.passed() as names:
        faults.point("shard renamed")
        faults.point("link moved")
    assert names == ["shard renamed", "link moved"]


def test_the_nth_pass_raises_and_no_other() -> None:
    with faults.armed("shard renamed", 2, OSError("broken")):
        faults.point("shard renamed")
        faults.point("link moved")
        with pytest.raises(OSError, match="broken"):
            faults.point("shard renamed")
        faults.point("shard renamed")
    faults.point("shard renamed")


def test_any_point_counts_where_any_is_armed() -> None:
    with faults.armed(faults.ANY, 3, OSError("broken")):
        faults.point("shard renamed")
        faults.point("link moved")
        with pytest.raises(OSError, match="broken"):
            faults.point("all sealed")


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="is no point"), faults.armed("shrad renamed"):
        pass
    with faults.passed(), pytest.raises(ValueError, match="is no point"):
        faults.point("shrad renamed")


def test_every_point_stands_somewhere_and_only_once_or_twice() -> None:
    code = "".join(
        path.read_text("utf-8") for path in (ROOT / "scoring").rglob("*.py") if path.name != Path(faults.__file__).name
    )
    assert set(re.findall(r'faults\.point\("([^"]+)"\)', code)) == set(faults.POINTS)


def elsewhere(fault: str) -> subprocess.CompletedProcess[str]:
    code = "from scoring.telemetry import faults; faults.point('link moved'); faults.point('all sealed'); print('end')"
    surroundings = os.environ | {"PYTHONPATH": str(ROOT), faults.VARIABLE: fault}
    return subprocess.run([sys.executable, "-c", code], env=surroundings, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("fault", ["all sealed:1:kill", "*:2:kill"])
def test_the_environment_kills_another_process(fault: str) -> None:
    assert elsewhere(fault).returncode == -signal.SIGKILL


def test_the_environment_breaks_another_process() -> None:
    assert os.strerror(errno.ENOSPC) in elsewhere("link moved:1:ENOSPC").stderr
    assert elsewhere("link moved:2:kill").stdout == "end\n"
    assert "write POINT:NTH:kill" in elsewhere("link moved:soon").stderr
