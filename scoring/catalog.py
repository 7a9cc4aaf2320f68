"""The shipped components by kind, and the shipped models by name."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from scoring import components
from scoring.components import classic
from scoring.errors import ModelError, suggest
from scoring.model import Component, ScoringModel, parse_model
from scoring.storage.os_errors import reason

__all__ = ["SHIPPED", "component_kinds", "load_model", "preset_names"]

SHIPPED: tuple[type[Component], ...] = tuple(
    getattr(package, name) for package in (components, classic) for name in package.__all__
)
"""All shipped component classes."""


def component_kinds(custom: Iterable[type[Component]] = ()) -> dict[str, type[Component]]:
    """Return the shipped component classes and the caller's classes `custom`, by kind.

    Raises
    ------
    ModelError: If two classes have the same kind.
    """
    kinds = {component.kind: component for component in SHIPPED}
    for component in custom:
        if kinds.setdefault(component.kind, component) is not component:
            raise ModelError(
                f"component kind {component.kind!r} already exists: {kinds[component.kind].__name__}. Give your class "
                f"{component.__name__} another `kind`.",
                key=(component.kind,),
            )
    return kinds


def preset_names() -> list[str]:
    """Return the names of the shipped models, sorted."""
    folder = resources.files("scoring.model") / "presets"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_model(source: str | Path = "standard", components: Iterable[type[Component]] = ()) -> ScoringModel:
    """Return a shipped model by name, or the model of a file.

    Parameters
    ----------
    source: The name of a shipped model, or the path of a model file.
    components: Component classes in addition to the shipped ones.

    Raises
    ------
    ModelError: If the model does not exist, or the file is invalid. The error contains the line.
    """
    kinds = component_kinds(components)
    if isinstance(source, str) and source in preset_names():
        file = resources.files("scoring.model") / "presets" / f"{source}.yaml"
        return parse_model(file.read_text("utf-8"), kinds, source=f"{source}.yaml")
    path = Path(source)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = suggest(str(source), preset_names()).removesuffix(".")
        raise ModelError(
            f"model {source}: {reason(error)}. {names}, or the path of a model file.", path=str(source)
        ) from error
    return parse_model(text, kinds, source=str(source))
