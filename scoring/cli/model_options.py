"""The options that name a model, for the commands that use the promoted profile by default."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scoring.cli.options import (
    DEFAULT_PROFILES,
    ComponentOption,
    ProfileOption,
    ProfilesOption,
    RunModelOption,
    WeightsOption,
)
from scoring.cli.promoted_model import ModelSource

__all__ = ["add_model_options"]


def add_model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the options --model, --weights, --profile, --profiles and --component.

    They replace the parameter `source` of the command, which gets a `ModelSource` of their values.
    """

    def options(
        model: RunModelOption = None,
        weights: WeightsOption = None,
        profile: ProfileOption = None,
        profiles: ProfilesOption = DEFAULT_PROFILES,
        component: ComponentOption = None,
    ) -> None:
        """Declare the options."""

    def call(
        model: str | None,
        weights: Path | None,
        profile: str | None,
        profiles: Path,
        component: list[Path] | None,
        **others: Any,
    ) -> None:
        command(source=ModelSource(model, weights, profile, profiles, component), **others)

    added = inspect.signature(options, eval_str=True).parameters.values()
    own = inspect.signature(command, eval_str=True)
    parameters = [
        part.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in own.parameters.values()
        for part in (added if parameter.name == "source" else (parameter,))
    ]
    call.__name__, call.__doc__ = command.__name__, command.__doc__
    call.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # read by inspect
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call
