"""Parameters and rules as text, as commands and notebooks show them."""

from __future__ import annotations

from pydantic import BaseModel

__all__ = ["describe_settings", "format_setting"]


def describe_settings(settings: BaseModel) -> str:
    """Return the parameters of a component, or the rules of a model without those of the user, in one line."""
    values = settings.model_dump().items()
    return ", ".join(f"{name} {format_setting(value)}" for name, value in values if name != "rules")


def format_setting(value: object) -> str:
    """Return a parameter or rule as text: `off` for None and False, `on` for True."""
    if value is None or value is False:
        return "off"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(format_setting, value)) + ")"
    return "on" if value is True else f"{value:g}" if isinstance(value, float) else str(value)
