"""The registry loads what it saved, detects edits, and promotes and rolls back profiles."""

from __future__ import annotations

import errno
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

import scoring
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, ModelError, OutputError
from scoring.model import ScoringModel
from scoring.model_catalog import load_model
from scoring.registry import Metric, Registry, TuningData
from scoring.registry.metadata import ProfileMetadata
from scoring.registry.profile_version import dump_profile, parse_metadata
from scoring.synthetic import make_market
from tests.registry.conftest import UNTESTED
from tests.support.custom_components import OWN
from tests.support.errors import raises_at, raises_with

STANDARD = load_model("standard")
METRICS: dict[str, dict[str, Any]] = {
    "test": {"ndcg@10": 0.3},
    "validation": {
        "ndcg@10": {"value": np.float32(0.5), "low": 0.4, "high": np.float64(0.6), "n": np.int64(500)},
        "コスト": Metric(value=-1.0),
    },
}


def file_of(registry: Registry, name: str, version: int) -> Path:
    return registry.folder / name / f"{version:04d}.yaml"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), "utf-8")


# Saving and loading


def test_saved_profile_is_loaded_unchanged(registry: Registry, even: ScoringModel) -> None:
    dataset = Dataset(make_market(5, 20, 30, seed=1).tables)
    saved = registry.save(
        "夜間",
        even,
        parent="standard",
        found_on=dataset,
        metrics=METRICS,
        note="one: line\n- another 'line'\n",
        author="山田 *",
    )
    again = Registry(registry.folder).load("夜間")
    assert again == saved
    assert again.model.digest == even.digest == again.digest
    assert (again.model.name, again.name, again.version) == ("夜間@1", "夜間", 1)
    np.testing.assert_array_equal(again.model.flat_weights, even.flat_weights)
    about = again.metadata
    assert (about.note, about.author, about.model) == ("one: line\n- another 'line'\n", "山田 *", "standard")
    assert about.saved_at == datetime(2026, 1, 5, 22, 0, tzinfo=UTC)
    assert about.found_on == TuningData(fingerprint=dataset.fingerprint, as_of=dataset.as_of)
    assert about.code_version == scoring.__version__
    assert list(about.metrics) == ["validation", "test"]
    assert about.metrics["validation"]["ndcg@10"] == Metric(value=0.5, low=0.4, high=0.6, n=500)
    assert again.metrics_frame()["value"].tolist() == [0.5, -1.0, 0.3]
    assert again.frame()["weight"].tolist() == even.flat_weights.tolist()


def test_profile_file_is_a_reviewable_model_file(registry: Registry, even: ScoringModel) -> None:
    registry.save("night", even, metrics=METRICS, note="two\nlines")
    path = file_of(registry, "night", 1)
    model = load_model(path)
    assert (model.name, model.digest) == ("night@1", even.digest)
    text = path.read_text("utf-8")
    assert text.startswith("profile:\n  name: night\n  version: 1\n  saved_at: 2026-01-05 22:00:00+00:00\n")
    assert "  note: |-\n    two\n    lines\n" in text
    assert "      freshness: {weight: 0.2, half_life_days: 7.0}\n" in text
    assert list(yaml.safe_load(text)) == ["profile", "name", "description", "groups", "eligibility"]
    # a second save of the same model with another note differs only in version, time and note
    registry.save("night", even, metrics=METRICS, note="two\nnotes")
    other = file_of(registry, "night", 2).read_text("utf-8").splitlines()
    changed = [line for line, before in zip(other, text.splitlines(), strict=True) if line != before]
    assert changed == ["  version: 2", "  saved_at: 2026-01-05 22:01:00+00:00", "    notes", "name: night@2"]


def test_identical_version_is_not_saved_again(registry: Registry, even: ScoringModel) -> None:
    first = registry.save("night", even, metrics=METRICS, note="first")
    assert registry.save("night", even, metrics=METRICS, note="first") == first
    assert registry.list_versions("night") == (1,)
    assert registry.save("night", even, metrics=METRICS, note="second").version == 2


def test_saving_a_name_again_adds_a_version(registry: Registry, standard: ScoringModel, even: ScoringModel) -> None:
    before = [registry.save("night", model).metadata.reference for model in (standard, even, standard)]
    assert before == ["night@1", "night@2", "night@3"]
    assert registry.list_versions("night") == (1, 2, 3)
    assert registry.list_versions("day") == ()
    assert registry.load("night").version == 3
    assert registry.load("night", 2).digest == registry.load("night@2").digest == even.digest
    with raises_at(ConfigurationError, "name", "version"):
        registry.load("night@2", 3)


def test_custom_components_are_loaded(registry: Registry, standard: ScoringModel) -> None:
    custom = OWN[0]()
    parts = (*standard.parts[:-1], type(standard.parts[0])("mine", "personal", custom))
    weights = {part.name: 1.0 for part in standard.parts[:-1]}
    profile = standard.with_weights(weights).weights
    components = dict(profile.components)
    components["personal"] = {name: w for name, w in components["personal"].items() if name != "collaborative"}
    components["personal"]["mine"] = 0.0
    model = ScoringModel("own", parts, type(profile)(profile.groups, components))
    registry.save("own", model)
    assert Registry(registry.folder, components=[type(custom)]).load("own").digest == model.digest
    with raises_at(ModelError, "groups", "personal", "components", "mine"):
        registry.load("own")
    assert registry.list()["problem"].isna().all()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"metrics": {"tests": {}}}, "'tests' is not a split. Use one of: train, validation, test"),
        ({"metrics": {"test": {"ndcg": float("nan")}}}, "metrics of test, 'ndcg': `value`: Input should be a finite"),
        ({"metrics": {"test": {"ndcg": {"value": 1, "low": 0}}}}, "an interval needs both"),
        ({"metrics": {"test": {"ndcg": {"value": 1, "low": 2, "high": 1}}}}, "the interval from 2 to 1 is empty"),
        ({"metrics": {"test": {"ndcg": {"value": 1, "n": -1}}}}, "`n`"),
        ({"metrics": {"test": {"ndcg": None}}}, "`value`"),
        ({"metrics": {"test": {"ndcg": "many"}}}, "`value`"),
        ({"note": "x" * 10_001}, "profile night: `note`"),
        ({"note": "\ud800"}, "profile night: `note`"),
        ({"parent": "day"}, "profile day: "),
        ({"parent": "../day"}, "it contains '/'"),
        ({"found_on": TuningData(fingerprint="x" * 9_999, as_of=datetime(2026, 1, 1, tzinfo=UTC))}, None),
    ],
)
def test_invalid_metadata_raises(
    registry: Registry, even: ScoringModel, more: dict[str, Any], message: str | None
) -> None:
    if message is None:
        assert registry.save("night", even, **more).version == 1
        return
    with pytest.raises((ConfigurationError, ModelError)) as raised:
        registry.save("night", even, **more)
    assert message in str(raised.value)
    assert str(raised.value).count("\n") == 0
    assert registry.list().empty
    assert not (registry.folder / "night").exists()


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.text(st.characters(codec="utf-8"), max_size=10))
@example("  indented\n\ttab\n", "1e3")
@example("\nfirst line empty", "2026-01-05")
@example("trailing \nspace", "null")
@example("a\r\nb\x85c\u2028d\ufeff\x00\x1b[2J", "*a: &b !c {}")
@settings(max_examples=15, deadline=None)
def test_any_note_is_loaded_unchanged(note: str, word: str) -> None:
    """Includes text that YAML parses as another type or must escape, and names that look like numbers or times."""
    known = {"version": 1, "saved_at": datetime(2026, 1, 1, tzinfo=UTC), "digest": STANDARD.digest, "code_version": "0"}
    about = ProfileMetadata(
        name="2026-01-05", note=note, author=word, model=word, metrics={"test": {word: Metric(value=1e-7)}}, **known
    )
    assert parse_metadata(dump_profile(about, STANDARD), source="x") == about


# Edited and damaged files


def test_edited_profile_warns_and_is_not_promoted(
    registry: Registry, standard: ScoringModel, even: ScoringModel
) -> None:
    registry.save("night", standard)
    registry.save("night", even)
    edit(file_of(registry, "night", 1), "half_life_days: 14.0", "half_life_days: 21.0")
    message = "profile night@1 is not the model that was saved: its file was edited"
    with pytest.warns(UserWarning, match=message):
        profile = registry.load("night@1")
    assert not profile.is_as_saved
    assert repr(profile) == "Profile(night@1, saved 2026-01-05 22:00, not as saved)"
    for work in (
        lambda: registry.promote("night@1", **UNTESTED),
        lambda: registry.use("night@1"),
        lambda: registry.save("day", standard, parent=profile),
    ):
        with raises_at(ModelError, "model"):
            work()
    assert registry.load_promoted() is None
    # the file loads as a model, under a name that marks it as edited
    assert load_model(file_of(registry, "night", 1)).name == "night@1 (not as saved)"
    assert registry.promote("night", **UNTESTED).version == 2


def test_edited_promoted_profile_raises(registry: Registry, standard: ScoringModel) -> None:
    registry.save("night", standard)
    registry.promote("night", **UNTESTED)
    edit(file_of(registry, "night", 1), "half_life_days: 14.0", "half_life_days: 21.0")
    for work in (registry.load_promoted, lambda: registry.use("promoted")):
        with raises_at(ModelError, "model"):
            work()


def test_replaced_promoted_profile_raises(
    registry: Registry, standard: ScoringModel, even: ScoringModel, tmp_path: Path
) -> None:
    registry.save("night", standard)
    registry.promote("night", **UNTESTED)
    other = Registry(tmp_path / "other")
    other.save("night", even)
    file_of(other, "night", 1).replace(file_of(registry, "night", 1))
    assert registry.load("night").digest == even.digest
    with raises_at(ModelError, "digest"):
        registry.use("promoted")


def test_copied_file_raises(registry: Registry, standard: ScoringModel) -> None:
    registry.save("night", standard)
    path = file_of(registry, "night", 1)
    file_of(registry, "night", 2).write_bytes(path.read_bytes())
    with raises_at(ModelError, "name", path=str(file_of(registry, "night", 2))):
        registry.load("night")
    found = registry.list()
    assert found["version"].tolist() == [1, 2]
    assert found["problem"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("profile:", "profile: !!python/object/apply:os.system ['touch hit']\nx:", "invalid YAML"),
        ("  version: 1", "  version: one", "line 3: `version`"),
        ("  version: 1", "  version: 1\n  colour: red", "line 4: unknown key `colour`"),
        ("  version: 1\n", "", "`version` is missing"),
        ("22:00:00+00:00", "22:00:00", "line 4: `saved_at`"),
        ("  name: night\n", "  name: night\n  name: day\n", "duplicate key `name`"),
        ("  model: standard", "  model: [standard]", "`model`"),
        ("  metrics:", "  metrics: &a {test: *a}\nx:", "line 8: `metrics.test.test.value` is missing"),
        ("{value: 1.0}", "{value: 1.0, mean: 2}", "unknown key `metrics.test.ndcg.mean`"),
        ("half_life_days: 14.0", "half_life_days: -1", "`half_life_days`"),
    ],
)
def test_invalid_files_raise_with_line(
    registry: Registry, standard: ScoringModel, tmp_path: Path, old: str, new: str, message: str
) -> None:
    registry.save("night", standard, metrics={"test": {"ndcg": 1.0}})
    edit(file_of(registry, "night", 1), old, new)
    with pytest.raises(ModelError) as raised:
        registry.load("night")
    assert message in str(raised.value)
    assert "0001.yaml" in str(raised.value)
    assert not Path("hit").exists()


# In use


def test_promote_and_rollback(registry: Registry, standard: ScoringModel, even: ScoringModel) -> None:
    for model in (standard, even, standard):
        registry.save("night", model)
    with raises_at(ConfigurationError, "promoted"):
        registry.rollback()
    with raises_at(ConfigurationError, "promoted"):
        registry.use("promoted")
    for version in (1, 2, 3):
        registry.promote("night", version, note=f"try {version}", force="untested")
    with raises_at(ConfigurationError, "name", "night"):
        registry.promote("night@3", **UNTESTED)
    assert registry.rollback(note="worse").version == 2
    assert registry.use("promoted").version == 2
    assert registry.list()["in_use"].tolist() == [False, True, False]
    assert registry.rollback().version == 1
    with raises_at(ConfigurationError, "promoted", "night@1"):
        registry.rollback()
    assert registry.promote("night@3", **UNTESTED).metadata.reference == "night@3"
    assert registry.rollback().version == 1
    history = registry.list_promotions()
    assert history["version"].tolist() == [1, 2, 3, 2, 1, 3, 1]
    assert history["action"].str[0].tolist() == list("ppprrpr")
    assert history["note"].tolist()[:4] == [
        "try 1. Forced: untested.",
        "try 2. Forced: untested.",
        "try 3. Forced: untested.",
        "worse",
    ]
    assert history["in_use"].tolist() == [False] * 6 + [True]
    assert history["at"].is_monotonic_increasing


def test_rollback_to_missing_profile_changes_nothing(
    registry: Registry, standard: ScoringModel, even: ScoringModel
) -> None:
    for version, model in enumerate((standard, even), 1):
        registry.save("night", model)
        registry.promote("night", version, **UNTESTED)
    file_of(registry, "night", 1).unlink()
    with raises_at(ModelError, "version"):
        registry.rollback()
    promoted = registry.load_promoted()
    assert promoted is not None
    assert promoted.version == 2
    assert len(registry.list_promotions()) == 2


# Lists, lineage, comparison


def test_list_contains_all_versions(registry: Registry, standard: ScoringModel, even: ScoringModel) -> None:
    assert registry.list().empty
    assert registry.list_promotions()[lambda frame: frame["in_use"]].empty
    registry.save("night", standard, metrics=METRICS, note="a")
    registry.save("day", even, parent="night@1")
    found = registry.list()
    assert found["name"].tolist() == ["day", "night"]
    assert found["parent"].tolist()[0] == "night@1"
    assert found["validation ndcg@10"].tolist()[1] == 0.5
    assert pd.isna(found["test ndcg@10"].tolist()[0])
    assert str(found["saved_at"].dtype).endswith("UTC]")


def test_lineage_contains_all_ancestors(registry: Registry, standard: ScoringModel, even: ScoringModel) -> None:
    first = registry.save("night", standard, parent=standard)
    second = registry.save("night", even, parent=first)
    registry.save("day", standard, parent=second.digest)  # a parent given by its digest
    found = registry.list_lineage("day")
    assert found["name"].tolist() == ["day", "night", "night", "standard"]
    assert found["version"].tolist()[:3] == [1, 2, 1]
    assert found["here"].tolist() == [True, True, True, False]
    registry.save("far", even, parent="0" * 32)
    assert registry.list_lineage("far")["digest"].tolist() == [even.digest, "0" * 32]
    registry.save("alone", even)
    assert len(registry.list_lineage("alone")) == 1


def test_lineage_of_cycle_ends(registry: Registry, standard: ScoringModel, even: ScoringModel) -> None:
    registry.save("night", standard)
    registry.save("night", even, parent="night@1")
    ring = f"  parent: {{name: night, version: 2, digest: {even.digest}}}\n"
    edit(file_of(registry, "night", 1), "  code_version", f"{ring}  code_version")
    assert registry.list_lineage("night")["version"].tolist() == [2, 1]


def test_diff_accepts_names_profiles_and_models(registry: Registry, standard: ScoringModel, even: ScoringModel) -> None:
    registry.save("night", even)
    assert registry.diff("standard", standard).is_same
    assert registry.diff("night@1", even).is_same
    registry.promote("night", **UNTESTED)
    assert str(registry.save("day", standard, parent="promoted").metadata.parent) == "night@1"
    found = registry.diff("standard", "promoted")
    assert (found.a.name, found.b.name) == ("standard", "night@1")
    assert not found.is_same


# Evaluations on test users


def test_evaluations_on_test_users_are_counted(registry: Registry, standard: ScoringModel) -> None:
    assert registry.count_test_accesses("a") == 0
    profile = registry.save("night", standard)
    assert registry.log_test_access(profile, "a", {"ndcg@10": 0.5}) == 1
    assert registry.log_test_access(standard, "b") == 1
    assert (
        registry.log_test_access("0" * 32, "a", {"recall@40": Metric(value=0.1)}, datetime(2026, 2, 1, tzinfo=UTC)) == 2
    )
    assert (
        registry.count_test_accesses("a"),
        registry.count_test_accesses("b"),
        registry.count_test_accesses("c"),
    ) == (2, 1, 0)
    found = registry.list_test_accesses()
    assert found["look"].tolist() == [1, 1, 2]
    assert found["profile"].tolist()[0] == "night@1"
    assert found["ndcg@10"].tolist()[0] == 0.5
    lines = (registry.folder / "test_looks.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["holdout"] for line in lines] == ["a", "b", "a"]
    with raises_at(ConfigurationError, "digest"):
        registry.log_test_access("night", "a")
    with raises_at(ConfigurationError, "at"):
        registry.log_test_access(standard, "a", at=datetime(2026, 2, 1))
    assert registry.count_test_accesses("a") == 2


def test_names_of_version_0_1_warn(registry: Registry, standard: ScoringModel) -> None:
    profile = registry.save("night", standard)
    with pytest.warns(DeprecationWarning, match=r"Use Profile\.metadata"):
        assert profile.about == profile.metadata
    with pytest.warns(DeprecationWarning, match=r"Use Registry\.log_test_access"):
        assert registry.log_test_look(profile, "a", {"ndcg@10": 0.5}) == 1  # type: ignore[attr-defined]
    assert registry.count_test_accesses("a") == 1
    with pytest.warns(DeprecationWarning, match=r"Registry\.versions was renamed\. Use Registry\.list_versions"):
        assert registry.versions("night") == (1,)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        registry.no_such_method()  # type: ignore[attr-defined]


def test_author_is_stored_only_if_given(
    registry: Registry, standard: ScoringModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("USER", "LOGNAME", "EMAIL", "HOME"):
        monkeypatch.setenv(variable, "taro-secret")
    registry.save("night", standard)
    registry.promote("night", **UNTESTED)
    registry.log_test_access(standard, "a")
    for path in registry.folder.rglob("*"):
        assert not path.is_file() or "secret" not in path.read_text("utf-8")


def test_folder_that_is_a_file_raises(tmp_path: Path, standard: ScoringModel) -> None:
    (tmp_path / "file").write_text("")
    registry = Registry(tmp_path / "file")
    for work in (lambda: registry.save("night", standard), registry.list):
        with raises_with(OutputError, errno=errno.ENOTDIR):
            work()
