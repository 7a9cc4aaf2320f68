"""A model, the name of a shipped model, or the path of a model file is accepted wherever a model is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scoring.errors import ConfigurationError, ModelError
from scoring.model import dump_model
from scoring.model_catalog import load_model, load_models
from tests.support.errors import raises_at


def test_model_is_returned_as_it_is() -> None:
    model = load_model("classic")
    assert load_model(model) is model


def test_models_are_loaded_by_name_or_path(tmp_path: Path) -> None:
    file = tmp_path / "classic copy.yaml"
    file.write_text(dump_model(load_model("classic")))
    assert load_models({"a": "standard", "b": file, "c": str(file)}) == {
        "a": load_model("standard"),
        "b": load_model("classic"),
        "c": load_model("classic"),
    }


@pytest.mark.parametrize("source", [None, 3, ["standard"], b"standard", True, load_model])
def test_other_objects_are_not_models(source: Any) -> None:
    with raises_at(ModelError, "model"):
        load_model(source)
    with raises_at(ModelError, "model"):
        load_models({"a": "standard", "b": source})


@pytest.mark.parametrize("models", [None, {}, ["standard"], "standard", load_model("standard")])
def test_models_without_names_raise(models: Any) -> None:
    with raises_at(ConfigurationError, "models"):
        load_models(models)
