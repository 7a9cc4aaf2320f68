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

from scoring.telemetry import fault_injection
from tests.support.errors import raises_same

ROOT = Path(__file__).parents[2]


def test_unarmed_point_does_nothing() -> None:
    with fault_injection.record_reached() as names:
        fault_injection.reach("shard renamed")
        fault_injection.reach("link moved")
    assert names == ["shard renamed", "link moved"]


def test_armed_point_raises_at_the_nth_pass_only() -> None:
    error = OSError("broken")
    with fault_injection.arm("shard renamed", 2, error):
        fault_injection.reach("shard renamed")
        fault_injection.reach("link moved")
        with raises_same(error):
            fault_injection.reach("shard renamed")
        fault_injection.reach("shard renamed")
    fault_injection.reach("shard renamed")


def test_armed_any_counts_all_points() -> None:
    error = OSError("broken")
    with fault_injection.arm(fault_injection.ANY, 3, error):
        fault_injection.reach("shard renamed")
        fault_injection.reach("link moved")
        with raises_same(error):
            fault_injection.reach("all sealed")


def test_unknown_point_raises() -> None:
    with pytest.raises(fault_injection.UnknownPointError), fault_injection.arm("shrad renamed"):
        pass
    with fault_injection.record_reached(), pytest.raises(fault_injection.UnknownPointError):
        fault_injection.reach("shrad renamed")


def test_code_reaches_every_point() -> None:
    code = "".join(
        path.read_text("utf-8")
        for path in (ROOT / "scoring").rglob("*.py")
        if path.name != Path(fault_injection.__file__).name
    )
    assert set(re.findall(r'fault_injection\.reach\("([^"]+)"\)', code)) == set(fault_injection.POINTS)


def run_with_fault(fault: str) -> subprocess.CompletedProcess[str]:
    code = "from scoring.telemetry.fault_injection import reach; reach('link moved'); reach('all sealed'); print('end')"
    environment = os.environ | {"PYTHONPATH": str(ROOT), fault_injection.VARIABLE: fault}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("fault", ["all sealed:1:kill", "*:2:kill"])
def test_variable_kills_another_process(fault: str) -> None:
    assert run_with_fault(fault).returncode == -signal.SIGKILL


def test_variable_raises_in_another_process() -> None:
    assert os.strerror(errno.ENOSPC) in run_with_fault("link moved:1:ENOSPC").stderr
    assert run_with_fault("link moved:2:kill").stdout == "end\n"
    assert "Use POINT:NTH:kill" in run_with_fault("link moved:soon").stderr
