"""The kinds of terms. Each module defines a term, its check, its arrays and its reference value.

- `term_kind`: `TermKind`, the base class of the kinds
- `single_side_terms`: values that depend on the job alone or on the user alone
- `lookup_term`, `flag_term`: the value in a user's row at a job's code or flags
- `interval_term`: a gain if a job's number lies between a user's bounds
- `dot_term`: the dot product of two vectors
- `tree_term`: a sum over trees of the value at the user's and the job's states
- `pair_term`: a function of pairs, which kernels cannot compute
"""

from typing import Any, Final

from scoring.bundle.terms.dot_term import DotKind, DotTerm
from scoring.bundle.terms.flag_term import FlagKind, Flags, FlagTerm
from scoring.bundle.terms.interval_term import IntervalKind, IntervalTerm, Number
from scoring.bundle.terms.lookup_term import Key, LookupKind, LookupTerm
from scoring.bundle.terms.pair_term import PairKind, PairTerm
from scoring.bundle.terms.single_side_terms import JobKind, JobTerm, UserKind, UserTerm
from scoring.bundle.terms.term_kind import KeyedKind, KnownColumns, ReusableArrays, TermCheck, TermKind
from scoring.bundle.terms.tree_term import TreeKind, TreeTerm

__all__ = [
    "KINDS",
    "KIND_OF_TERM",
    "DotTerm",
    "FlagTerm",
    "Flags",
    "IntervalTerm",
    "JobTerm",
    "Key",
    "KeyedKind",
    "KnownColumns",
    "LookupTerm",
    "Number",
    "ReusableArrays",
    "Term",
    "TermCheck",
    "TermKind",
    "TreeTerm",
    "UserTerm",
]

Term = JobTerm | UserTerm | LookupTerm | IntervalTerm | FlagTerm | DotTerm | TreeTerm | PairTerm
"""A part of the value of a component that the engine can bound."""

_ALL: Final[tuple[TermKind[Any], ...]] = (
    JobKind(),
    UserKind(),
    LookupKind(),
    IntervalKind(),
    FlagKind(),
    DotKind(),
    TreeKind(),
    PairKind(),
)
KINDS: Final = {kind.code: kind for kind in _ALL}
"""Code in `Program.term_kind` → kind."""
KIND_OF_TERM: Final = {kind.term: kind for kind in _ALL}
"""Class of a term → kind."""
