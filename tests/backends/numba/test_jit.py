"""Compiled kernels are cached on disk and used only by the code version that compiled them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numba
import pytest

from tests.support.forks import start_fork
from tests.support.kernel_script import run_script

KERNEL = """
from scoring.backends.numba.jit import compiled, is_cached

@compiled
def add(a, b):
    return a + b

is_on_disk = is_cached(add)
print(add(2, 3), sum(add.stats.cache_hits.values()), is_on_disk, is_cached(add))
"""


def run(script: Path, cache: Path) -> list[str]:
    process, pipe = start_fork(run_script, str(script), str(cache))
    with pipe:
        words: list[str] = pipe.recv()
    process.join()
    return words


@pytest.mark.integration
def test_cached_kernels_of_other_code_are_recompiled(tmp_path: Path) -> None:
    """An index of other code may name types that no longer exist, so it is not unpickled."""
    script, cache = tmp_path / "kernel.py", tmp_path / "cache"
    script.write_text(KERNEL, "utf-8")
    assert run(script, cache) == ["5", "0", "False", "True"]
    assert run(script, cache) == ["5", "1", "True", "True"]
    (index,) = cache.rglob("*.nbi")
    index.write_bytes(pickle.dumps(numba.__version__) + b"cscoring.no_such_module\nScratch\n.")
    assert run(script, cache) == ["5", "0", "False", "True"]
    assert run(script, cache) == ["5", "1", "True", "True"]
