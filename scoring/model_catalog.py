"""The shipped components by kind, and the shipped models by name."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path

from scoring import components
from scoring.components import classic
from scoring.components.learned import Learned
from scoring.errors import ConfigurationError, ModelError, shorten_repr, suggest
from scoring.model import Component, ScoringModel, parse_model
from scoring.storage.home_folder_expansion import expand_path
from scoring.storage.os_errors import describe_os_error

__all__ = [
    "SHIPPED",
    "AnyModel",
    "check_models",
    "get_component_kinds",
    "list_preset_names",
    "load_components",
    "load_model",
    "load_models",
]

AnyModel = ScoringModel | str | os.PathLike[str]
"""A model, the name of a shipped model, or the path of a model file."""

SHIPPED: tuple[type[Component], ...] = tuple(
    getattr(package, name) for package in (components, classic) for name in package.__all__
)
"""All shipped component classes with formulas. `Learned` is shipped too; its formula is a trained model."""


def get_component_kinds(custom: Iterable[type[Component]] = ()) -> dict[str, type[Component]]:
    """Return the shipped component classes and the caller's classes `custom`, by kind.

    Raises
    ------
    ModelError: If two classes have the same kind.
    """
    kinds = {component.kind: component for component in SHIPPED}
    kinds[Learned.kind] = Learned
    for component in custom:
        if kinds.setdefault(component.kind, component) is not component:
            raise ModelError(
                f"component kind {component.kind!r} already exists: {kinds[component.kind].__name__}. Give your class "
                f"{component.__name__} another `kind`.",
                key=(component.kind,),
            )
    return kinds


def list_preset_names() -> list[str]:
    """Return the names of the shipped models, sorted."""
    folder = resources.files("scoring.model") / "presets"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_model(source: AnyModel = "standard", components: Iterable[type[Component]] = ()) -> ScoringModel:
    """Return a shipped model by name, or the model of a file.

    Parameters
    ----------
    source: The name of a shipped model, or the path of a model file. A model is returned as it is.
    components: Component classes in addition to the shipped ones.

    Raises
    ------
    ModelError: If the model does not exist, `source` is another object, or the file is invalid. The error contains the
        line.

    Example
    -------
    >>> model = load_model("standard")
    >>> [part.name for part in model.parts if part.group == "match"]
    ['location', 'category', 'conditions']
    """
    if isinstance(source, ScoringModel):
        return source
    if not isinstance(source, str | os.PathLike):
        names = ", ".join(list_preset_names())
        raise ModelError(
            f"The model is {shorten_repr(source)}. Use a ScoringModel, the name of a shipped model ({names}), or the "
            "path of a model file.",
            key=("model",),
        )
    kinds = get_component_kinds(components)
    if isinstance(source, str) and source in list_preset_names():
        file = resources.files("scoring.model") / "presets" / f"{source}.yaml"
        return parse_model(file.read_text("utf-8"), kinds, source=f"{source}.yaml")
    path = expand_path(source, "model")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = suggest(str(source), list_preset_names()).removesuffix(".")
        raise ModelError(
            f"model {source}: {describe_os_error(error)}. {names}, or the path of a model file.", path=str(source)
        ) from error
    return parse_model(text, kinds, source=str(source))


def load_models(models: Mapping[str, AnyModel], components: Iterable[type[Component]] = ()) -> dict[str, ScoringModel]:
    """Return models by name; see `load_model` for what counts as a model.

    Raises
    ------
    ConfigurationError: If `models` is not a mapping, or empty.
    ModelError: As `load_model`.
    """
    check_models(models)
    return {str(name): load_model(model, components) for name, model in models.items()}


def check_models(models: Mapping[str, object]) -> None:
    """Check that models are given by name.

    Raises
    ------
    ConfigurationError: If `models` is not a mapping, or empty.
    """
    if not isinstance(models, Mapping):
        raise ConfigurationError(
            f"models is {shorten_repr(models)}. Use a mapping of names to models, such as {{'now': 'standard'}}.",
            key=("models",),
        )
    if not models:
        raise ConfigurationError("models is empty. Give at least one model.", key=("models",))


def load_components(file: str | Path, *, source: str | None = None) -> list[type[Component]]:
    """Return the component classes that a Python file defines. The file is run once per content.

    Parameters
    ----------
    file: The path of the file. Its code is executed.
    source: How errors name it; None for `component file` and the path.

    Raises
    ------
    ModelError: If the file cannot be run, does not define a component, or a component does not have a `kind`.

    Example
    -------
    >>> [component.kind for component in load_components(folder / "pay_floor.py")]
    ['pay_floor']
    """
    file = expand_path(file, "file")
    source = f"component file {file}" if source is None else source
    # the module name contains a digest of the file, so that it cannot shadow another module
    try:
        digest = hashlib.blake2b(file.read_bytes(), digest_size=6).hexdigest()
    except OSError as error:
        raise ModelError(f"{source}: {describe_os_error(error)}. Give the path of a Python file.") from error
    name = f"scoring_component_{file.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ModelError(f"{source}: the name does not end in .py. Give the path of a Python file.")
    module = sys.modules.get(name)
    if module is None:
        module = sys.modules[name] = importlib.util.module_from_spec(spec)  # for annotations in pydantic
        try:
            spec.loader.exec_module(module)
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, KeyboardInterrupt):
                raise
            # also sys.exit(): otherwise the command could exit with code 0
            raise ModelError(f"{source}{_format_line(error, file)}: {type(error).__name__}: {error}.") from error
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Component)
        and value.__module__ == name
        and not inspect.isabstract(value)
    ]
    if not classes:
        raise ModelError(
            f"{source}: the file does not define a component. Add a subclass of scoring.Component that "
            "implements all its abstract methods."
        )
    for component in classes:
        if not isinstance(getattr(component, "kind", None), str):
            raise ModelError(
                f"{source}: {component.__name__} does not define `kind`, its name in model files. Add a "
                "class attribute `kind` with a string."
            )
    return classes


def _format_line(error: BaseException, file: Path) -> str:
    """Return the line of the file that raised the error, as text for the message; empty if unknown."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}" if error.lineno else ""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == file.resolve()]
    return f", line {lines[-1]}" if lines else ""
