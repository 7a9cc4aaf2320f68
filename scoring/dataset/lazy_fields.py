"""Frozen dataclasses whose fields are made when they are first read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Self

__all__ = ["Lazy"]


class Lazy:
    """Mixed into a frozen dataclass, before it. Made by its own constructor, an object of it is a plain one.

    A field that two threads read at once may be made twice: makers give equal values every time.
    """

    @classmethod
    def later(cls, makers: Mapping[str, Callable[[], Any]], **given: Any) -> Self:
        """With these fields given, and the others made by `makers` when they are asked for."""
        made = object.__new__(cls)
        made.__dict__.update(given, _makers=dict(makers))
        return made

    def __getattr__(self, name: str) -> Any:
        # only asked for what is not there yet
        make = self.__dict__.get("_makers", {}).get(name)
        if make is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.", name=name, obj=self)
        value = self.__dict__[name] = make()
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled with everything made: makers are functions of the moment."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
