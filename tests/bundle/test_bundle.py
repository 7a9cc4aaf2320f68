"""A bundle saved, opened and ranked elsewhere; files that cannot be used."""

from __future__ import annotations

import errno
import json
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scoring import Dataset, Prepared, load_model, make_market
from scoring.backends.numba import pair_blocks, pruned_topk
from scoring.backends.numba.backend import NumbaBackend
from scoring.backends.reference import ReferenceBackend
from scoring.bundle import bundle_file
from scoring.bundle.bundle import Bundle
from scoring.bundle.bundle_file import BundleFileError, Parts
from scoring.errors import OutputError, ScoringError
from scoring.plan import Candidates
from scoring.ranking import Ranking
from tests.support.errors import raises_with
from tests.support.example_counts import try_examples
from tests.support.random_programs import Sketch, cases, plan_of, sketches

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    model = load_model("standard").with_eligibility(max_per_company=3)
    return Prepared.of(Dataset(make_market(60, 900, 3_000, seed=4).tables), model)


@pytest.fixture(scope="module")
def saved(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundles") / "standard.bundle"
    prepared.plan.bundle.save(path)
    return path


def assert_same_lists(found: Ranking, wanted: Ranking) -> None:
    for name in ("user_id", "job_id", "job_row", "count"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)
    np.testing.assert_array_equal(found.scores.view(np.uint32), wanted.scores.view(np.uint32))


# --- What comes back ----------------------------------------------------------------------------------------


def test_opened_bundle_has_same_arrays(prepared: Prepared, saved: Path) -> None:
    wanted, found = prepared.plan.bundle, Bundle.open(saved)
    groups = [
        (found.program, wanted.program),
        (found.eligibility, wanted.eligibility),
        (found.search.program, wanted.search.program),
        (found.search.index, wanted.search.index),
        (found.search.limits, wanted.search.limits),
    ]
    for found_part, wanted_part in groups:
        for name, a, b in zip(found_part._fields, found_part, wanted_part, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
            assert type(a) is type(b), name
            if isinstance(a, np.ndarray):
                assert (a.dtype, a.flags.c_contiguous, a.flags.writeable) == (b.dtype, True, True), name
    np.testing.assert_array_equal(found.user_id, wanted.user_id)
    np.testing.assert_array_equal(found.job_id, wanted.job_id)
    np.testing.assert_array_equal(found.search.user_locality, wanted.search.user_locality)
    assert found.n_eligible == wanted.n_eligible


def test_opened_arrays_are_aligned_views_of_file(saved: Path) -> None:
    index = Bundle.open(saved).search.index
    for name in ("block", "block_facts", "vector", "job_facts"):
        array = getattr(index, name)
        assert array.ctypes.data % 64 == 0
        assert not array.flags.owndata
    assert np.shares_memory(index.block, index.block_single)
    assert np.shares_memory(index.block, index.block_masks)


def test_opened_bundle_needs_no_new_compilation(prepared: Prepared, saved: Path) -> None:
    for bundle in (prepared.plan.bundle, Bundle.open(saved)):
        backend = NumbaBackend(bundle, workers=1, strategy="pruned")
        backend.top_k(5)
        backend.all_pairs(np.array([0]))
        compiled = [len(getattr(kernel, "signatures", [])) for kernel in (pruned_topk.top_k, pair_blocks.all_pairs)]
        if bundle.known_digest is None:
            before = compiled
    assert compiled == before


def test_writing_to_opened_bundle_does_not_change_file(saved: Path) -> None:
    content = saved.read_bytes()
    bundle = Bundle.open(saved)
    bundle.program.flat_weight[:] = 0
    assert saved.read_bytes() == content
    assert Bundle.open(saved).program.flat_weight.any()


@try_examples(
    12,
    60,
    how=cases,
    always=[
        {"sketch": Sketch(0, 0, 9, ((("user",), None, 1.0, 1.0, 0),), 2)},
        {"sketch": Sketch(0, 3, 0, ((("user",), None, 1.0, 1.0, 0),), 2)},
    ],
    sketch=sketches(),
)
def test_saved_bundle_gives_same_lists(tmp_path_factory: pytest.TempPathFactory, sketch: Sketch) -> None:
    plan, path = plan_of(sketch), tmp_path_factory.mktemp("any") / "bundle"
    rng = sketch.rng("candidates")
    is_candidate = rng.random((sketch.n_users, sketch.n_jobs)) < 0.7
    with_candidates = replace(
        plan,
        exclusions=replace(
            plan.exclusions, candidates=Candidates.listed(*np.nonzero(is_candidate), *is_candidate.shape)
        ),
    )
    for bundle in (plan.bundle, with_candidates.bundle):
        digest = bundle.save(path)
        opened = Bundle.open(path)
        assert opened.digest == digest == bundle.digest
        for k in (1, 5, sketch.n_jobs + 1):
            wanted = ReferenceBackend(bundle).top_k(k)
            assert_same_lists(NumbaBackend(opened, workers=1).top_k(k), wanted)
            assert_same_lists(ReferenceBackend(opened).top_k(k), wanted)


def test_bundle_without_users_has_no_search_index(tmp_path: Path) -> None:
    plan = plan_of(Sketch(0, 0, 9, (), 2))
    plan.bundle.save(tmp_path / "empty")
    bundle = Bundle.open(tmp_path / "empty")
    assert NumbaBackend(bundle).top_k(3).count.tolist() == []
    with pytest.raises(BundleFileError) as caught:
        bundle.search  # noqa: B018
    assert caught.value.reason == "empty"


RANK = """
import json, sys
import numpy as np
from scoring.bundle.bundle import Bundle
from scoring.backends.numba.backend import NumbaBackend

bundle = Bundle.open(sys.argv[1])
ranking = NumbaBackend(bundle, workers=2).top_k(40)
np.savez(sys.argv[2], user_id=ranking.user_id, job_id=ranking.job_id, job_row=ranking.job_row, scores=ranking.scores,
         count=ranking.count)
print(json.dumps(sorted(sys.modules)))
"""
NOT_NEEDED = (
    "pandas",
    "sqlalchemy",
    "pydantic",
    "implicit",
    "pyarrow",
    "scoring.model_catalog",
    "scoring.components",
    "scoring.database",
    "scoring.dataset",
    "scoring.model",
    "scoring.plan",
    "scoring.ranking",
    "scoring.statistics",
)


@pytest.mark.integration
def test_ranking_in_another_process_needs_only_the_bundle(prepared: Prepared, saved: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RANK, str(saved), str(tmp_path / "lists.npz")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert "scoring.backends.numba.pruned_topk" in loaded
    assert [name for name in loaded if name in NOT_NEEDED] == []
    with np.load(tmp_path / "lists.npz") as lists:
        assert_same_lists(Ranking(**lists), prepared.scorer.top_k(40))


# --- Digests ------------------------------------------------------------------------------------------------


def test_digest_depends_on_content_only(prepared: Prepared, saved: Path) -> None:
    plan = prepared.plan
    again = Prepared.of(prepared.inputs, prepared.model).plan.bundle
    assert Bundle.open(saved).digest == plan.bundle.digest == again.digest
    other = plan.with_weights(prepared.model.with_weights({"wage": 1.0, "fee": 0.5})).bundle
    assert other.digest != plan.bundle.digest
    back = plan.with_weights(prepared.model.with_weights({"wage": 1.0})).with_weights(prepared.model).bundle
    assert back.digest == plan.bundle.digest


def test_digest_is_computed_on_access_only(prepared: Prepared, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, opened = prepared.plan.bundle, Bundle.open(saved)

    def refuse(parts: Parts) -> str:
        raise AssertionError("a digest was computed")

    monkeypatch.setattr(bundle_file, "digest_of", refuse)
    NumbaBackend(bundle).top_k(3)
    assert opened.digest  # of the file
    with pytest.raises(AssertionError):
        bundle.digest  # noqa: B018


# --- Files --------------------------------------------------------------------------------------------------


def test_saved_file_is_readable_by_owner_only(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_failed_save_keeps_previous_file(prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept"
    prepared.plan.bundle.save(path)
    content = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle_file.os, "fsync", fail)
    with raises_with(OutputError, errno=errno.ENOSPC):
        prepared.plan.bundle.save(path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]


def changed_at(offset: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        place = offset % len(content)
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    return change


def with_format(version: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        current = f'"format": {bundle_file.FORMAT}'.encode()
        assert content.count(current) == 1
        return content.replace(current, f'"format": {version}'.encode())

    return change


UNUSABLE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda content: b"", "foreign"),
    "text": (lambda content: b"user_id,job_id\n" * 99, "foreign"),
    "short text": (lambda content: b"user_id\n", "foreign"),
    "a changed line end": (lambda content: content.replace(b"\r\n", b"\n", 1), "foreign"),
    "cut in the magic": (lambda content: content[:5], "truncated"),
    "cut in the prefix": (lambda content: content[:40], "truncated"),
    "cut in the header": (lambda content: content[:500], "truncated"),
    "cut in an array": (lambda content: content[: len(content) // 2], "truncated"),
    "without the last byte": (lambda content: content[:-1], "truncated"),
    "longer": (lambda content: content + b"\0", "altered"),
    "a changed digest": (changed_at(40), "altered"),
    "a changed header": (changed_at(64), "altered"),
    "a changed dtype": (lambda content: content.replace(b'"<f8"', b'"<i8"', 1), "altered"),
    "a changed array": (changed_at(-64), "altered"),
    "a larger number of bytes": (changed_at(24), "truncated"),
    "an older format": (with_format(1), "format"),
    "a newer format": (with_format(bundle_file.FORMAT + 1), "format"),
}


@pytest.mark.parametrize(("change", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_invalid_file_is_rejected_with_reason(
    saved: Path, tmp_path: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    path = tmp_path / "other.bundle"
    path.write_bytes(change(saved.read_bytes()))
    with pytest.raises(BundleFileError) as caught:
        Bundle.open(path)
    assert (caught.value.path, caught.value.reason) == (path, reason)
    assert isinstance(caught.value, ScoringError)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("every", [41, pytest.param(7, marks=pytest.mark.long)])
def test_every_changed_byte_is_detected(tmp_path: Path, every: int) -> None:
    path = tmp_path / "small"
    plan_of(Sketch(0, 1, 3, ((("job",), None, 1.0, 1.0, 0),), 2)).bundle.save(path)
    content = path.read_bytes()
    for place in range(0, len(content), every):
        path.write_bytes(changed_at(place)(content))
        with pytest.raises(BundleFileError):
            Bundle.open(path)


def test_opening_missing_file_is_rejected(tmp_path: Path) -> None:
    with raises_with(BundleFileError, reason="unreadable", path=tmp_path / "no.bundle") as caught:
        Bundle.open(tmp_path / "no.bundle")
    assert caught.value.reason == "unreadable"


def test_saving_to_missing_folder_is_rejected(prepared: Prepared, tmp_path: Path) -> None:
    with raises_with(OutputError, errno=errno.ENOENT):
        prepared.plan.bundle.save(tmp_path / "no" / "bundle")


def test_file_without_an_array_is_rejected(prepared: Prepared, tmp_path: Path) -> None:
    parts = prepared.plan.bundle._parts()
    del parts.arrays["program.lookup_values"]
    bundle_file.write(tmp_path / "less", parts)
    with pytest.raises(BundleFileError) as caught:
        Bundle.open(tmp_path / "less")
    assert caught.value.reason == "format"
    assert "program.lookup_values" in str(caught.value)
