"""The legacy engine's formulas: `base`, `match` and `personal` components of the `classic` model."""

from scoring.components.classic.base import ClassicAccess, ClassicFee, ClassicWage
from scoring.components.classic.match import ClassicCategory, ClassicCondition, ClassicLocation
from scoring.components.classic.personal import ClassicClick, ClassicCollaborative, ClassicHistory

__all__ = [
    "ClassicAccess",
    "ClassicCategory",
    "ClassicClick",
    "ClassicCollaborative",
    "ClassicCondition",
    "ClassicFee",
    "ClassicHistory",
    "ClassicLocation",
    "ClassicWage",
]
