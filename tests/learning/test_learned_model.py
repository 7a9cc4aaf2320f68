"""Model files with sidecars: what is read, and what is refused with the file in the message."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from scoring.errors import MissingDependencyError, ModelError
from scoring.learning import learned_model
from scoring.learning.learned_model import LearnedModel, read_learned_model
from scoring.learning.sidecar import place_sidecar, write_sidecar
from tests.learning.model_files import NAMES, make_content, make_specs_of, make_trees, write_model
from tests.learning.network_files import apply_layers, random_layers
from tests.support.proof_counts import record_count

SUFFIXES = (".txt", ".onnx", ".tflite")
N_MUTATIONS = 200


@pytest.fixture(params=SUFFIXES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    found = tmp_path / f"model{request.param}"
    write_model(found)
    return found


def assert_refused(path: Path, name: str | None = None) -> ModelError:
    with pytest.raises(ModelError) as raised:
        read_learned_model(path)
    text = str(raised.value)
    assert (name or path.name) in text
    assert "\n" not in text
    return raised.value


def test_model_has_the_contents_of_the_sidecar(path: Path) -> None:
    model = read_learned_model(path)
    assert isinstance(model, LearnedModel)
    assert tuple(spec.name for spec in model.inputs) == NAMES
    assert (model.trees is None) == (path.suffix != ".txt")
    rows = np.array(model.sidecar.self_test.rows)
    np.testing.assert_allclose(model.predict(rows), model.sidecar.self_test.outputs, rtol=1e-6)
    assert ((model.link(model.predict(rows)) >= 0) & (model.link(model.predict(rows)) <= 100)).all()


def test_network_computes_the_layers(tmp_path: Path) -> None:
    rows = np.random.default_rng(2).normal(size=(300, len(NAMES)))
    for suffix in (".onnx", ".tflite"):
        path = tmp_path / f"model{suffix}"
        write_model(path)
        expected = apply_layers(random_layers(len(NAMES), (4, 1), 0), rows)
        np.testing.assert_allclose(read_learned_model(path).predict(rows), expected, rtol=1e-5, atol=1e-6)


def test_mutated_files_are_all_refused(path: Path) -> None:
    """200 files of each format: bits, bytes, cuts and insertions."""
    content = path.read_bytes()
    generator = np.random.default_rng(SUFFIXES.index(path.suffix))
    for number in range(N_MUTATIONS):
        place = int(generator.integers(0, len(content)))
        if number % 4 == 0:
            changed = (
                content[:place] + bytes([content[place] ^ (1 << int(generator.integers(8)))]) + content[place + 1 :]
            )
        elif number % 4 == 1:
            changed = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        elif number % 4 == 2:
            changed = content[:place]
        else:
            changed = content[:place] + generator.bytes(int(generator.integers(1, 9))) + content[place:]
        path.write_bytes(changed)
        assert_refused(path)
    record_count("model files", "{} of {} files refused", N_MUTATIONS, N_MUTATIONS)


def test_mutated_sidecar_is_refused_or_equal(path: Path) -> None:
    sidecar = place_sidecar(path)
    content = sidecar.read_bytes()
    expected = read_learned_model(path).sidecar
    generator = np.random.default_rng(3)
    refused = 0
    for _ in range(100):
        place = int(generator.integers(0, len(content)))
        changed = content[:place] + bytes([content[place] ^ (1 << int(generator.integers(7)))]) + content[place + 1 :]
        sidecar.write_bytes(changed)
        try:
            assert read_learned_model(path).sidecar == expected
        except ModelError:
            refused += 1
    assert refused > 90


def test_replaced_model_is_refused(path: Path) -> None:
    path.write_bytes(make_content(path.suffix, seed=9))
    assert assert_refused(path).key == ("digest",)


def test_swap_after_reading_has_no_effect(path: Path) -> None:
    model = read_learned_model(path)
    rows = np.random.default_rng(4).normal(size=(50, len(NAMES)))
    before = model.predict(rows)
    path.write_bytes(make_content(path.suffix, seed=9))
    np.testing.assert_array_equal(model.predict(rows), before)


def test_missing_files_are_named(path: Path) -> None:
    place_sidecar(path).unlink()
    assert_refused(path, place_sidecar(path).name)
    path.unlink()
    assert_refused(path)


def test_links_folders_and_pipes_are_refused(path: Path) -> None:
    content, other = path.read_bytes(), path.with_name(f"other{path.suffix}")
    path.rename(other)
    path.symlink_to(other)
    assert_refused(path)
    path.unlink()
    path.mkdir()
    assert_refused(path)
    path.rmdir()
    os.mkfifo(path)
    assert_refused(path)
    path.unlink()
    path.write_bytes(content)
    sidecar = place_sidecar(path)
    sidecar.rename(sidecar.with_name("away.yaml"))
    sidecar.symlink_to("away.yaml")
    assert_refused(path, sidecar.name)


def test_large_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert learned_model.MAX_BYTES == 64 * 2**20
    with path.open("r+b") as file:
        file.truncate(learned_model.MAX_BYTES + 1)
    assert_refused(path)


def test_unknown_suffix_is_refused(path: Path) -> None:
    other = path.rename(path.with_suffix(".pkl"))
    assert_refused(other)


def test_sidecar_of_another_format_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path / "model.onnx")
    (tmp_path / "model.txt").write_bytes(make_trees())
    assert assert_refused(tmp_path / "model.txt").key == ("format",)


def test_edited_sidecar_is_refused(path: Path) -> None:
    sidecar = place_sidecar(path)
    content = yaml.safe_load(sidecar.read_text())
    content["link"]["low"] = -4.0
    sidecar.write_text(yaml.safe_dump(content))
    assert assert_refused(path, sidecar.name).key == ("seal",)


def test_unknown_input_is_named(path: Path) -> None:
    sidecar = place_sidecar(path)
    sidecar.write_text(sidecar.read_text().replace("job.wage", "job.wages"))
    assert "job.wages" in str(assert_refused(path, sidecar.name))


def test_other_formula_is_named(path: Path) -> None:
    sidecar = place_sidecar(path)
    sidecar.write_text(sidecar.read_text().replace("formula: fee,", "formula: fee / 2,"))
    assert "job.fee" in str(assert_refused(path, sidecar.name))


def test_wrong_input_name_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as raised:
        write_model(tmp_path / "model.txt", make_trees(("job.fee", "job.hourly", "pair.place")))
    assert raised.value.key == ("inputs", "job.wage")
    assert "job.hourly" in str(raised.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_wrong_number_of_inputs_is_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ModelError):
        write_model(tmp_path / f"model{suffix}", make_content(suffix), make_specs_of(NAMES[:2]))


def test_output_of_another_runtime_is_refused(path: Path) -> None:
    sidecar = read_learned_model(path).sidecar
    outputs = [value * (1 + 1e-3) for value in sidecar.self_test.outputs]
    changed = sidecar.model_copy(update={"self_test": sidecar.self_test.model_copy(update={"outputs": tuple(outputs)})})
    write_sidecar(changed, path)
    assert assert_refused(path).key == ("self_test",)


def test_rounding_of_another_processor_is_accepted_for_networks(path: Path) -> None:
    sidecar = read_learned_model(path).sidecar
    outputs = [value * (1 + 1e-7) for value in sidecar.self_test.outputs]
    changed = sidecar.model_copy(update={"self_test": sidecar.self_test.model_copy(update={"outputs": tuple(outputs)})})
    write_sidecar(changed, path)
    if path.suffix == ".txt":
        assert assert_refused(path).key == ("self_test",)
    else:
        assert read_learned_model(path).format != "lightgbm"


def test_digest_changes_with_file_and_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "model.txt"
    first = write_model(path)
    digests = {read_learned_model(path).digest}
    write_sidecar(first.model_copy(update={"missing": 7.0}), path)
    digests.add(read_learned_model(path).digest)
    write_model(path, make_trees(seed=4))
    digests.add(read_learned_model(path).digest)
    assert len(digests) == 3


@pytest.mark.parametrize(("suffix", "package"), [(".onnx", "onnxruntime"), (".tflite", "ai_edge_litert")])
def test_missing_runtime_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, package: str
) -> None:
    path = tmp_path / f"model{suffix}"
    write_model(path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError) as raised:
        read_learned_model(path)
    assert (raised.value.package, raised.value.extra) == (package, "learned")
    assert "scoring[learned]" in str(raised.value)
