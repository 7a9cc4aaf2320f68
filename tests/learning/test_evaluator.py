"""Evaluators of networks: batches, threads, unusual numbers, and models that are refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from scoring.errors import ModelError
from scoring.learning.evaluator import (
    BATCH_SIZES,
    N_PROBES,
    Float32s,
    NetworkEvaluator,
    digest_outputs,
    is_batch_independent,
    make_probes,
)
from scoring.learning.litert_evaluator import make_litert_evaluator
from scoring.learning.onnx_evaluator import make_onnx_evaluator
from tests.learning.model_files import make_specs_of
from tests.learning.network_files import make_litert, make_onnx, random_layers

WIDTH = 6
RUNTIMES = ("onnx", "litert")


def probes_of(width: int = WIDTH) -> Float32s:
    return np.random.default_rng(0).normal(size=(N_PROBES, width)).astype(np.float32)


def make_evaluator(runtime: str, content: bytes | None = None, seed: int = 0, width: int = WIDTH) -> NetworkEvaluator:
    layers = random_layers(width, (8, 1), seed)
    if runtime == "onnx":
        return make_onnx_evaluator(Path("model.onnx"), content or make_onnx(layers), probes_of(width))
    return make_litert_evaluator(Path("model.tflite"), content or make_litert(layers), probes_of(width))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_batches_change_no_bit(runtime: str) -> None:
    evaluator = make_evaluator(runtime)
    rows = np.random.default_rng(1).normal(size=(2_500, WIDTH))
    whole = evaluator.predict(rows)
    for size in (1, 3, 500):
        parts = [evaluator.predict(rows[at : at + size]) for at in range(0, len(rows), size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_model_that_mixes_rows_is_evaluated_row_by_row() -> None:
    def mix(rows: Float32s) -> Float32s:
        return (rows[:, :1] + np.float32(1e-6) * rows.mean()).astype(np.float32)

    evaluator = NetworkEvaluator(mix, probes_of())
    assert not evaluator.in_batches
    rows = np.random.default_rng(1).normal(size=(30, WIDTH))
    alone = np.concatenate([evaluator.predict(rows[at : at + 1]) for at in range(len(rows))])
    np.testing.assert_array_equal(evaluator.predict(rows), alone)


@pytest.mark.parametrize("size", BATCH_SIZES)
def test_one_moved_bit_in_one_batch_size_is_found(size: int) -> None:
    def run(rows: Float32s) -> Float32s:
        found = rows[:, 0].copy()
        if len(rows) == size:
            found[-1] = np.nextafter(found[-1], np.float32(np.inf))
        return found

    probes = probes_of()
    alone = probes[:, 0].copy()
    assert is_batch_independent(lambda rows: rows[:, 0].copy(), probes, alone)
    assert not is_batch_independent(run, probes, alone)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_threads_get_their_own_results(runtime: str) -> None:
    evaluator = make_evaluator(runtime)
    generator = np.random.default_rng(2)
    rows = [generator.normal(size=(int(generator.integers(1, 400)), WIDTH)) for _ in range(200)]
    expected = [evaluator.predict(part) for part in rows]
    with ThreadPoolExecutor(4) as pool:
        for found, value in zip(pool.map(evaluator.predict, rows), expected, strict=True):
            np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_nan_infinity_and_large_numbers_do_not_change_other_rows(runtime: str) -> None:
    evaluator = make_evaluator(runtime)
    rows = np.random.default_rng(3).normal(size=(40, WIDTH))
    expected = evaluator.predict(rows)
    rows[3, 0], rows[11, 1], rows[20, 2], rows[27, 3] = np.nan, np.inf, -np.inf, 1e300
    found = evaluator.predict(rows)
    others = np.setdiff1d(np.arange(40), [3, 11, 20, 27])
    np.testing.assert_array_equal(found[others], expected[others])
    assert len(evaluator.predict(rows[:0])) == 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_probe_digest_depends_on_the_outputs(runtime: str) -> None:
    first, again, other = (make_evaluator(runtime, seed=seed).probe_digest for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_digest_of_outputs_ignores_the_kind_of_nan() -> None:
    quiet = np.array([1.0, np.nan], dtype=np.float32)
    other = quiet.copy()
    other.view(np.uint32)[1] = 0xFFC00001
    assert digest_outputs(quiet) == digest_outputs(other)
    assert digest_outputs(quiet) != digest_outputs(quiet[::-1].copy())


def test_probes_contain_categories_and_missing_values() -> None:
    specs = [spec.model_copy(update={"missing": -9.0}) for spec in make_specs_of()]
    probes = make_probes(specs, np.ones((3, len(specs))))
    assert probes.shape == (N_PROBES, len(specs))
    assert (probes == -9.0).any(axis=0).all()
    np.testing.assert_array_equal(probes, make_probes(specs, np.ones((3, len(specs)))))


REFUSED_ONNX = {
    "two inputs": {"inputs": 2},
    "two outputs": {"outputs": 2},
    "a fixed number of rows": {"rows": 1},
    "float64": {"type": 11},
    "an unknown operator set": {"opset": 99},
    "a domain that is not standard": {"domain": "com.microsoft"},
    "weights in another file": {"external": True},
}


@pytest.mark.parametrize("changes", REFUSED_ONNX.values(), ids=REFUSED_ONNX.keys())
def test_onnx_model_is_refused(changes: dict[str, object]) -> None:
    content = make_onnx(random_layers(WIDTH, (8, 1), 0), **changes)
    with pytest.raises(ModelError) as raised:
        make_evaluator("onnx", content)
    assert str(raised.value).startswith("model.onnx: ")
    assert "\n" not in str(raised.value)


REFUSED_LITERT = {
    "two outputs": {"outputs": 2},
    "a fixed number of rows": {"rows": 1},
    "an operator that is not standard": {"custom": True},
}


@pytest.mark.parametrize("changes", REFUSED_LITERT.values(), ids=REFUSED_LITERT.keys())
def test_litert_model_is_refused(changes: dict[str, object]) -> None:
    content = make_litert(random_layers(WIDTH, (8, 1), 0), **changes)
    with pytest.raises(ModelError) as raised:
        make_evaluator("litert", content)
    assert str(raised.value).startswith("model.tflite: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_wrong_width_names_the_tensor(runtime: str) -> None:
    content = (make_onnx if runtime == "onnx" else make_litert)(random_layers(WIDTH + 1, (8, 1), 0))
    with pytest.raises(ModelError) as raised:
        make_evaluator(runtime, content)
    assert raised.value.key == ("input", "x")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_two_output_columns_are_refused(runtime: str) -> None:
    content = (make_onnx if runtime == "onnx" else make_litert)(random_layers(WIDTH, (8, 2), 0))
    with pytest.raises(ModelError) as raised:
        make_evaluator(runtime, content)
    assert raised.value.key[0] == "output"


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"tree\nversion=v4\n", b"\x1c\x00\x00\x00TFL3" + b"\xff" * 40])
def test_other_content_is_refused(runtime: str, content: bytes) -> None:
    with pytest.raises(ModelError):
        make_evaluator(runtime, content or b" ")
