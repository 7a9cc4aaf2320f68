"""The legacy engine's formulas: `base`, `match` and `personal` components of the `classic` model."""

from scoring.components.classic.base_group import ClassicAccess, ClassicFee, ClassicWage
from scoring.components.classic.match_group import ClassicCategory, ClassicCondition, ClassicLocation
from scoring.components.classic.personal_group import ClassicClick, ClassicCollaborative, ClassicHistory

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
