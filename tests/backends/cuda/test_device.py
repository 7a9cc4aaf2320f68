"""Whether a card can be used: the reasons, in processes without the simulator."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scoring.backends.cuda import device
from scoring.backends.cuda.device import Device, DeviceError, DeviceFullError, find_objection

NO_CARD = """
import numpy as np
from scoring.backends.cuda.device import find_objection
from scoring.backends.numba.backend import NumbaBackend
from tests.support.random_programs import Sketch, plan_of

print(find_objection())
plan = plan_of(Sketch(3, 4, 30, ((("job",), None, 1.0, 1.0, 0),), 0))
lists = NumbaBackend(plan.bundle, workers=1, strategy="gpu").top_k(5)
assert lists.choice.strategy == "pruned", lists.choice
assert lists.choice.reason.startswith(f"gpu is not used. {find_objection()}"), lists.choice
expected = NumbaBackend(plan.bundle, workers=1).top_k(5)
assert np.array_equal(lists.job_id, expected.job_id)
"""


@pytest.fixture
def fresh_answer():
    find_objection.cache_clear()
    yield
    find_objection.cache_clear()


def test_without_driver_the_host_ranks_and_says_why() -> None:
    """No test may use a card, so that the process sees none even where one exists."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    environment |= {"CUDA_VISIBLE_DEVICES": "", "NUMBA_CUDA_DRIVER": "/nonexistent/libcuda.so"}
    done = subprocess.run(
        [sys.executable, "-c", NO_CARD], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stdout.strip().endswith(".")
    assert "driver" in done.stdout


def test_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch, fresh_answer: None) -> None:
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    assert find_objection() == (
        "It requires numba-cuda, which is not installed. Install it with: pip install 'scoring[gpu]'"
    )
    with pytest.raises(DeviceError, match="numba-cuda"):
        Device.open()


def test_old_driver_is_named(monkeypatch: pytest.MonkeyPatch, fresh_answer: None) -> None:
    monkeypatch.setattr(device, "is_simulated", lambda: False)
    monkeypatch.setattr(device, "_find_versions", lambda: ((12, 4), (13, 0)))
    assert find_objection() == (
        "The driver supports CUDA 12.4, and CUDA 13.0 is installed. Update the driver to one for CUDA 13."
    )


def test_errors_of_the_driver_have_different_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.cuda.cudadrv.driver import CudaAPIError

    class ApiError(CudaAPIError):
        def __init__(self, code: int, message: str) -> None:
            super().__init__(message)
            self.code = code

    def fail(error: Exception) -> None:
        with device.own_errors():
            raise error

    with pytest.raises(DeviceFullError):
        fail(ApiError(2, "CUDA_ERROR_OUT_OF_MEMORY"))
    with pytest.raises(DeviceError, match=r"stopped working: Call to cuMemcpy results in CUDA_ERROR_ECC\."):
        fail(ApiError(214, "\nCall to cuMemcpy results in CUDA_ERROR_ECC:\n"))
