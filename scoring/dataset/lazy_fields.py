"""Frozen dataclasses whose fields are computed at first access."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Self

__all__ = ["Lazy"]


class Lazy:
    """Mixin for frozen dataclasses; it must come before the dataclass in the bases.

    Objects made by the normal constructor are not lazy. If two threads read a field at once, it may be computed twice,
    so makers must return equal values at every call.
    """

    @classmethod
    def from_makers(cls, makers: Mapping[str, Callable[[], Any]], **values: Any) -> Self:
        """Return an object with the fields of `values`; `makers` compute the other fields at first access."""
        instance = object.__new__(cls)
        instance.__dict__.update(values, _makers=dict(makers))
        return instance

    def __getattr__(self, name: str) -> Any:
        # Python calls this only for attributes that do not exist yet
        make = self.__dict__.get("_makers", {}).get(name)
        if make is None:
            raise AttributeError(f"{type(self).__name__} does not have the attribute {name!r}.", name=name, obj=self)
        value = self.__dict__[name] = make()
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle with all fields computed, because makers cannot be pickled."""
        return type(self), tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]
