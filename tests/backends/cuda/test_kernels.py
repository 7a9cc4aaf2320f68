"""Every kernel compiles for a card, without operations that round more than IEEE 754 allows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

COMPILE = """
import json
from numba import cuda, types
from scoring.backends.cuda import kernels

f1, f2, i1, i2 = (types.Array(kind, n, "C") for kind in (types.float32, types.int32) for n in (1, 2))
u1, l1, b2, u2, w2 = (
    types.Array(kind, n, "C")
    for kind, n in ((types.uint8, 1), (types.int64, 1), (types.boolean, 2), (types.uint8, 2), (types.uint32, 2))
)
signatures = {
    "score_pairs": (
        f1, w2, i1, i1, f2, i2, i1, i2, i2, f2, b2, f2, f2, f2, f2, i2, i2, l1, l1, u1, u2, f2,
    ),
    "find_best": (f2, f2, i2),
    "append_proposals": (f2, f1, i2, i1),
    "count_proposals": (f2, f1, i1),
}
texts = {}
for kernel in kernels.KERNELS:
    function = kernel.py_func
    signature = types.void(*signatures[function.__name__])
    text, _ = cuda.compile_ptx(function, signature, cc=(9, 0), **kernels.OPTIONS)
    texts[function.__name__] = text
    from cuda.core import Linker, LinkerOptions, ObjectCode
    cubin = Linker(ObjectCode.from_ptx(text.encode()), options=LinkerOptions(arch="sm_90")).link("cubin")
    assert cubin.code[:4] == b"\\x7fELF"
print(json.dumps(texts))
"""


@pytest.mark.long
def test_kernels_compile_for_sm_90_with_ieee_rounding() -> None:
    """The compiler needs no driver. The simulator compiles nothing, so that another process does."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    texts = json.loads(done.stdout)
    assert set(texts) == {"score_pairs", "find_best", "append_proposals", "count_proposals"}
    for text in texts.values():
        assert ".target sm_90" in text
        assert not re.search(r"\.ftz|\.approx|ex2|rsqrt", text)
    assert "fma.rn.f32" in texts["score_pairs"]
    assert "atom" in texts["append_proposals"]
    assert "atom" not in texts["count_proposals"]
