"""Profiles are saved with their metrics, and a warning requires a second confirmation."""

from __future__ import annotations

import pytest

from scoring.errors import ConfigurationError
from scoring.registry import Profile, Registry
from scoring.widgets.panel_computation import Request
from scoring.widgets.profile_saver import ProfileSaver
from tests.support.errors import raises_at


@pytest.fixture
def saver(session, standard, tmp_path) -> ProfileSaver:
    return ProfileSaver(Registry(tmp_path), session, standard)


def computed(session, model):
    return session.compute(Request(model, int(session.user_id[0])))


def harmful(standard):
    """Return a model that is worse for most users: only fees count."""
    return standard.with_weights({"fee": 1.0})


def test_saved_profile_has_metrics_parent_data_and_note(saver, session, standard):
    model = standard.with_parameters("freshness", half_life_days=13)
    state = computed(session, model)
    assert not saver.warning(state)
    saved = saver.save(" fresh ", model, state, "a day less")
    assert isinstance(saved, Profile)
    again = saver.registry.load("fresh")
    assert again.model.digest == model.digest
    assert again.metadata.note == "a day less"
    assert str(again.metadata.parent) == "standard"
    assert again.metadata.found_on.fingerprint == session.data.fingerprint
    metrics = again.metadata.metrics["train"]
    shown = state.measures.set_index("measure")["mean"]
    assert {name: metric.value for name, metric in metrics.items()} == pytest.approx(shown.to_dict())
    assert metrics["NDCG@10"].low < metrics["NDCG@10"].value < metrics["NDCG@10"].high
    assert saver.names() == ["fresh@1"]
    assert saver.registry.find_fitted_users(again).fitted.tolist() == session.drawn_users["train"].tolist()


def test_worse_slices_need_a_second_save(saver, session, standard):
    model = harmful(standard)
    state = computed(session, model)
    assert len(state.find_worse_slices())
    warning = saver.save("fees", model, state)
    assert isinstance(warning, str)
    first = state.find_worse_slices().iloc[0]
    assert warning.startswith(f"Significantly worse than the baseline: {first['slicing']} {first['slice']}")
    assert warning.endswith("Press Save again to save it anyway.")
    assert saver.registry.list_versions("fees") == ()
    assert isinstance(saver.save("fees", model, state), Profile)
    assert isinstance(saver.save("fees", model, state), Profile)  # the saved model needs no further confirmation


def test_invalid_name_is_reported_before_worse_slices(saver, session, standard):
    model = harmful(standard)
    with raises_at(ConfigurationError, "name"):
        saver.save("../out", model, computed(session, model))


def test_confirmation_applies_to_one_model(saver, session, standard):
    first, second = harmful(standard), standard.with_weights({"fee": 0.95, "access": 0.05})
    assert isinstance(saver.save("fees", first, computed(session, first)), str)
    assert isinstance(saver.save("fees", second, computed(session, second)), str)


def test_model_without_results_is_not_saved(saver, session, standard):
    model = harmful(standard)
    early = next(session.stages(Request(model, int(session.user_id[0]))))
    for state in (None, early, computed(session, standard)):
        with raises_at(ConfigurationError, "state"):
            saver.save("fees", model, state)
    with raises_at(ConfigurationError, "name"):
        saver.save(" ", standard, computed(session, standard))


def test_name_outside_the_registry_is_rejected(saver, session, standard, tmp_path):
    with pytest.raises(ConfigurationError):
        saver.save("../out", standard, computed(session, standard))
    assert not (tmp_path.parent / "out").exists()


def test_loaded_profile_becomes_the_parent(saver, session, standard):
    first = standard.with_parameters("freshness", half_life_days=13)
    saver.registry.save("a", first)
    saver.registry.save("a", standard)
    saver.registry.save("b", standard)
    assert saver.names() == ["a@2", "a@1", "b@1"]
    assert saver.load("a@1").digest == first.digest
    saved = saver.save("c", first, computed(session, first))
    assert str(saved.metadata.parent) == "a@1"
    with raises_at(ConfigurationError, "name"):
        saver.load("")


def test_broken_profile_does_not_hide_others(saver, standard, tmp_path):
    saver.registry.save("a", standard)
    saver.registry.save("b", standard)
    (tmp_path / "a" / "0001.yaml").write_text("profile: [", encoding="utf-8")
    assert saver.names() == ["b@1"]
