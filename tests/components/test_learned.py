"""Trained models as components: values, lists and digests; shapes of one side, of tables and of pairs."""

from __future__ import annotations

import gc
import shutil
from dataclasses import replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from scoring.backends.numba.backend import NumbaBackend
from scoring.backends.reference import ReferenceBackend, compute_component_values
from scoring.bundle import bundle_file
from scoring.bundle.bundle import Bundle
from scoring.bundle.bundle_file import Parts
from scoring.bundle.bundled_model import BundledModel
from scoring.bundle.pair_formulas import PairColumns
from scoring.bundle.terms import pair_term
from scoring.components.learned import Learned
from scoring.errors import ModelError
from scoring.learning.input_catalogue import INPUTS, InputTables, make_specs
from scoring.model import ScoringModel, dump_model, parse_model
from scoring.model_catalog import get_component_kinds, load_model
from scoring.plan.job_side_plan import JobPlan
from scoring.ranking import Prepared, Scorer
from scoring.ranking.single_pair_score import score_pair_of_shipped_components
from scoring.testing import check_component, check_engine
from tests.support.errors import raises_at
from tests.support.learned_models import JOB_INPUTS, PAIR_INPUTS, USER_INPUTS, write_network, write_trees
from tests.support.prepared_markets import small

SHAPES = {
    "job": JOB_INPUTS,
    "user": USER_INPUTS,
    "tables": (*JOB_INPUTS, *USER_INPUTS),
    "pairs": (*JOB_INPUTS, *USER_INPUTS, *PAIR_INPUTS),
}
MARKET = small(1, 40, 300)

shapes = pytest.mark.parametrize("shape", SHAPES)
links = pytest.mark.parametrize("link", ["affine", "sigmoid"])


def prepare(component: Learned, weight: float = 0.3, market: Prepared = MARKET) -> Prepared:
    return Prepared.of(market.inputs, add(component, weight), workers=1)


def add(component: Learned, weight: float = 0.3) -> ScoringModel:
    return load_model("standard").with_component(component, "personal", weight, "learned")


def values_of(ready: Prepared) -> np.ndarray:
    """Return (n, m) the values of the component."""
    number = [part.name for part in ready.model.parts].index("learned")
    n, m = len(ready.plan.user_id), len(ready.plan.job_id)
    return compute_component_values(ready.plan.program, np.arange(n), np.arange(m), [number])[0]


def assert_lists_equal_reference(ready: Prepared, k: int) -> None:
    wanted = ReferenceBackend(ready.plan.bundle).top_k(k)
    for path in ("pruned", "dense", "scan") if k <= 128 else ("pruned", "scan"):
        found = Scorer(ready.plan, workers=1, path=path).top_k(k)
        np.testing.assert_array_equal(found.job_id, wanted.job_id)
        np.testing.assert_array_equal(found.scores.view(np.uint32), wanted.scores.view(np.uint32))


@shapes
@links
def test_values_equal_link_of_lightgbm_bit_for_bit(tmp_path: Path, shape: str, link: str) -> None:
    component = write_trees(tmp_path, MARKET.inputs, SHAPES[shape], link=link)
    assert component.shape.kind == shape
    ready = prepare(component)
    found = values_of(ready)
    users, jobs = np.divmod(np.arange(found.size), found.shape[1])
    rows = InputTables(ready.inputs, component.learned.inputs).rows(users, jobs)
    raw = lightgbm.Booster(model_file=component.model).predict(rows, raw_score=True, num_threads=1)
    np.testing.assert_array_equal(found.ravel(), component.learned.link(raw))
    assert found.min() >= 0
    assert found.max() <= 100
    assert len(np.unique(found)) > 5


@shapes
@links
@pytest.mark.parametrize("k", [1, 20, 200])
def test_lists_equal_reference(tmp_path: Path, shape: str, link: str, k: int) -> None:
    component = write_trees(tmp_path, MARKET.inputs, SHAPES[shape], link=link)
    for weight in (0.0, 1e-12, 0.1, 0.9):
        assert_lists_equal_reference(prepare(component, weight), k)


@pytest.mark.parametrize("leaves", [2, 3, 130])
def test_lists_with_ties_and_many_leaves_equal_reference(tmp_path: Path, leaves: int) -> None:
    component = write_trees(tmp_path, MARKET.inputs, SHAPES["tables"], num_leaves=leaves, num_iterations=2)
    alone = add(component).with_weights({"learned": 1.0})
    assert_lists_equal_reference(Prepared.of(MARKET.inputs, alone, workers=1), 40)


@pytest.mark.integration
@shapes
def test_component_satisfies_contract(tmp_path: Path, shape: str) -> None:
    check_component(write_trees(tmp_path, MARKET.inputs, SHAPES[shape]), dataset=MARKET.dataset)


@pytest.mark.integration
@shapes
def test_engine_satisfies_invariants(tmp_path: Path, shape: str) -> None:
    component = write_trees(tmp_path, MARKET.inputs, SHAPES[shape], num_iterations=3)
    check_engine(add(component), dataset=MARKET.dataset)


@shapes
def test_single_pairs_equal_plan(tmp_path: Path, shape: str) -> None:
    ready = prepare(write_trees(tmp_path, MARKET.inputs, SHAPES[shape]))
    for user, job in ((0, 0), (7, 250), (39, 299)):
        inputs = ready.inputs.take_users(np.array([user])).take_jobs(np.array([job]))
        found = score_pair_of_shipped_components(ready.model, inputs)
        wanted = NumbaBackend(ready.plan.bundle).listed(np.array([user]), np.array([job]))[:, 0]
        assert found == wanted.tolist()


def test_plan_of_other_users_equals_plan_of_all(tmp_path: Path) -> None:
    ready = prepare(write_trees(tmp_path, MARKET.inputs, SHAPES["tables"]))
    rows = np.array([31, 2])
    plan = JobPlan.of(ready.model, ready.inputs).for_users(ready.inputs.take_users(rows))
    found = NumbaBackend(plan.bundle).all_pairs()
    np.testing.assert_array_equal(found, NumbaBackend(ready.plan.bundle).all_pairs(rows))


@pytest.mark.parametrize("kind", ["tables", "pairs", ".onnx", ".tflite"])
def test_saved_bundle_gives_same_lists(tmp_path: Path, kind: str) -> None:
    """Networks and trees with inputs of pairs are in the file."""
    if kind.startswith("."):
        component = write_network(tmp_path, MARKET.inputs, ("job.fee", *PAIR_INPUTS), suffix=kind)
    else:
        component = write_trees(tmp_path, MARKET.inputs, SHAPES[kind])
    ready = prepare(component)
    digest = ready.plan.bundle.save(tmp_path / "jobs.bundle")
    opened = Bundle.open(tmp_path / "jobs.bundle")
    assert opened.digest == digest == ready.plan.bundle.digest
    assert opened.save(tmp_path / "again.bundle") == digest
    assert len(opened.models) == (kind != "tables")
    found, wanted = (NumbaBackend(bundle, strategy="pruned").top_k(30) for bundle in (opened, ready.plan.bundle))
    np.testing.assert_array_equal(found.scores, wanted.scores)
    np.testing.assert_array_equal(found.job_id, wanted.job_id)


def test_other_weights_reuse_plan(tmp_path: Path) -> None:
    ready = prepare(write_trees(tmp_path, MARKET.inputs, SHAPES["tables"]))
    weights = {part.name: 0.05 for part in ready.model.parts} | {"learned": 0.4}
    model = ready.model.with_weights(weights)
    found = NumbaBackend(ready.plan.with_weights(model).bundle, strategy="pruned").top_k(30)
    wanted = ReferenceBackend(Prepared.of(MARKET.inputs, model, workers=1).plan.bundle).top_k(30)
    np.testing.assert_array_equal(found.job_id, wanted.job_id)
    np.testing.assert_array_equal(found.scores, wanted.scores)


@pytest.mark.parametrize("shape", ["tables", "pairs"])
@pytest.mark.parametrize("before", ["standard", "job", "tables", "pairs"])
def test_lists_after_another_model_equal_reference(tmp_path: Path, before: str, shape: str) -> None:
    """A plan of the same jobs reuses the layout of the previous model, in the order of its jobs."""
    component = write_trees(tmp_path, MARKET.inputs, SHAPES[shape])
    other = None if before == "standard" else write_trees(tmp_path, MARKET.inputs, SHAPES[before], seed=1)
    ready = Prepared.of(MARKET.inputs, load_model("standard") if other is None else add(other), workers=1)
    ready.top_k(10)
    found = ready.with_model(add(component, 0.6))
    assert found.plan.previous_layout is not None
    assert_lists_equal_reference(found, 10)


def test_component_reads_what_its_inputs_read(tmp_path: Path) -> None:
    component = write_trees(tmp_path, MARKET.inputs, ["job.fee", "pair.place", "user.days_since_click"])
    place = {f"{table}.{name}_code" for table in ("jobs", "users") for name in ("prefecture", "city")}
    assert component.reads == tuple(sorted({"jobs.fee", "actions.click"} | place))
    assert "reads" not in component.model_dump()


def test_explanation_has_the_value_of_the_plan(tmp_path: Path) -> None:
    ready = prepare(write_trees(tmp_path, MARKET.inputs, SHAPES["tables"]))
    explanation = ready.explain(user_id=int(ready.plan.user_id[3]), job_id=int(ready.plan.job_id[5]))
    part = next(part for part in explanation.parts if part.name == "learned")
    assert part.value == values_of(ready)[3, 5]
    raw = part.facts["output"]
    component = ready.model.parts[-1].component
    assert isinstance(component, Learned)
    assert float(component.learned.link(np.array(raw))) == part.value


@links
def test_explanation_splits_only_affine_unclipped_values(tmp_path: Path, link: str) -> None:
    ready = prepare(write_trees(tmp_path, MARKET.inputs, SHAPES["tables"], link=link))
    values, split = values_of(ready), set()
    clipped = [tuple(map(int, found)) for found in np.argwhere((values == 0) | (values == 100))[:5]]
    for user, job in [*np.ndindex(4, 5), *clipped]:
        explanation = ready.explain(user_id=int(ready.plan.user_id[user]), job_id=int(ready.plan.job_id[job]))
        part = next(part for part in explanation.parts if part.name == "learned")
        assert part.facts["contributions to the output"]
        parts = part.facts.get("parts of the value")
        assert (parts is not None) == (link == "affine" and 0 < part.value < 100)
        split.add(parts is not None)
        if parts is not None:
            assert sum(parts.values()) == pytest.approx(part.value, abs=1e-9)
    assert split == ({True, False} if link == "affine" else {False})


class TestModelFile:
    def write(self, folder: Path, component: Learned) -> Path:
        text = dump_model(add(component)).replace(component.model, Path(component.model).name)
        text = text.replace(f"digest: {component.digest}", "digest: ''")
        path = folder / "model.yaml"
        path.write_text(text)
        return path

    def test_path_is_relative_to_model_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        component = write_trees(tmp_path, MARKET.inputs, JOB_INPUTS)
        path = self.write(tmp_path, component)
        monkeypatch.chdir("/")
        assert load_model(path).parts[-1].component == component

    def test_digest_does_not_depend_on_folder(self, tmp_path: Path) -> None:
        component = write_trees(tmp_path, MARKET.inputs, JOB_INPUTS)
        other = tmp_path / "other"
        other.mkdir()
        for file in tmp_path.glob("learned*"):
            shutil.copy(file, other)
        copied = Learned(model=str(other / Path(component.model).name))
        assert add(component).digest == add(copied).digest

    def test_digest_depends_on_content(self, tmp_path: Path) -> None:
        first = add(write_trees(tmp_path, MARKET.inputs, JOB_INPUTS))
        second = add(write_trees(tmp_path, MARKET.inputs, JOB_INPUTS, num_leaves=4))
        assert first.digest != second.digest
        assert first.parts != second.parts

    def test_replaced_file_has_no_effect_on_read_model(self, tmp_path: Path) -> None:
        component = write_trees(tmp_path, MARKET.inputs, JOB_INPUTS)
        before = values_of(prepare(component))
        write_trees(tmp_path, MARKET.inputs, JOB_INPUTS, num_leaves=4)
        np.testing.assert_array_equal(values_of(prepare(component)), before)

    def test_replaced_file_is_rejected_by_model_with_digest(self, tmp_path: Path) -> None:
        text = dump_model(add(write_trees(tmp_path, MARKET.inputs, JOB_INPUTS)))
        write_trees(tmp_path, MARKET.inputs, JOB_INPUTS, num_leaves=4)
        with pytest.raises(ModelError) as raised:
            parse_model(text, get_component_kinds(), source="saved.yaml")
        assert raised.value.line is not None

    def test_missing_file_is_rejected(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError):
            Learned(model=str(tmp_path / "none.txt"))


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
@pytest.mark.parametrize("names", [("job.fee", "job.wage"), ("user.salary_floor",), ("job.fee", "user.mean_wage")])
def test_values_and_lists_of_networks(tmp_path: Path, suffix: str, names: tuple[str, ...]) -> None:
    component = write_network(tmp_path, MARKET.inputs, names, suffix=suffix)
    sides = {name.partition(".")[0] for name in names}
    assert component.shape.kind == (sides.pop() if len(sides) == 1 else "pairs")
    ready = prepare(component)
    found = values_of(ready)
    users, jobs = np.divmod(np.arange(found.size), found.shape[1])
    raw = component.learned.predict(InputTables(ready.inputs, component.learned.inputs).rows(users, jobs))
    np.testing.assert_array_equal(found.ravel(), component.learned.link(raw))
    for weight in (0.05, 0.5):
        assert_lists_equal_reference(prepare(component, weight), 20)


def test_report_names_share_of_evaluated_jobs(tmp_path: Path) -> None:
    component = write_trees(tmp_path, MARKET.inputs, SHAPES["pairs"])
    assert "pair.place" in component.shape.reason
    ranking = NumbaBackend(prepare(component, 0.02).plan.bundle).top_k(5)
    assert ranking.choice is not None
    assert ranking.choice.strategy == "evaluated"
    assert 5 * len(ranking.user_id) <= ranking.n_scored < 300 * len(ranking.user_id)


def test_bundle_of_network_with_other_outputs_is_rejected(tmp_path: Path) -> None:
    """The digest of the outputs is that of another machine."""
    ready = prepare(write_network(tmp_path, MARKET.inputs, ("job.fee", "pair.place"), suffix=".onnx"))
    (model,) = ready.plan.bundle.models
    parts = Parts()
    replace(model, read_digest=lambda: "0" * 32).add_to(parts, "model")
    with raises_at(ModelError, "probes"):
        _ = BundledModel.of_parts(parts, "model").predict
    parts = Parts()
    model.add_to(parts, "model")
    rows = np.zeros((3, 2))
    np.testing.assert_array_equal(BundledModel.of_parts(parts, "model").predict(rows), model.predict(rows))


def test_every_pair_input_has_same_bits_in_a_bundle(tmp_path: Path) -> None:
    names = [name for name, found in INPUTS.items() if found.side == "pair"]
    columns = InputTables(MARKET.inputs, make_specs(names, MARKET.inputs)).columns
    parts = Parts()
    columns.add_to(parts, "columns")
    bundle_file.write(tmp_path / "columns", parts)
    found = PairColumns.of_parts(bundle_file.read(tmp_path / "columns")[0], "columns")
    users, jobs = np.divmod(np.arange(40 * 300), 300)
    wanted = columns.rows(users, jobs)
    np.testing.assert_array_equal(found.rows(users, jobs).view(np.uint64), wanted.view(np.uint64))
    assert np.isfinite(wanted).any(axis=0).all()


def test_function_of_pairs_is_freed_with_the_program(tmp_path: Path) -> None:
    gc.collect()
    before = len(pair_term._functions)
    ready = prepare(write_trees(tmp_path, MARKET.inputs, SHAPES["pairs"]))
    assert len(pair_term._functions) == before + 1
    del ready
    gc.collect()
    assert len(pair_term._functions) == before
