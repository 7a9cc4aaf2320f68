"""The complete input of ranking, which can be saved to a file and opened by another process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from scoring.array_types import Longs
from scoring.bundle import bundle_file
from scoring.bundle.block_index import Index, Limits
from scoring.bundle.bundle_file import BundleFileError, Parts
from scoring.bundle.bundled_model import BundledModel
from scoring.bundle.eligibility_arrays import EligibilityArrays
from scoring.bundle.list_order import ListOrder
from scoring.bundle.program import JOB_ARRAYS, JOB_ROWS, LINK_TOKEN, Program
from scoring.bundle.terms.pair_term import find_pair_components, find_pair_function, register_functions
from scoring.errors import ModelError, pluralize
from scoring.storage.home_folder_expansion import expand_path

__all__ = ["Bundle", "SearchIndex"]


@dataclass(frozen=True, eq=False)
class SearchIndex:
    """The eligible jobs in search order, with the program and the limits in that order."""

    program: Program  # the bundle's program with jobs by position, without `job_vector`: vectors are in `index.vector`
    index: Index
    limits: Limits
    user_locality: Longs  # (n,) users with similar numbers visit the same jobs; ranked together, they hit the CPU cache
    kept: dict[str, Any] = field(default_factory=dict, repr=False)
    """Values that a backend computed from the order and the vectors of the jobs. All indexes of one layout share it."""


@dataclass(frozen=True, eq=False, repr=False)
class Bundle:
    """The complete input of ranking n users and m jobs. It does not contain a scoring model, components or data frames.

    `search` is built on first access, because scores of pairs do not need it.

    If rules change the order of lists, `order` describes how, and `parts` has a bundle for each set of eligible jobs
    that have equal points and are all pinned or all not pinned. Then the search indexes of the parts are used.

    Examples
    --------
    >>> digest = ready.plan.bundle.save(folder / "jobs.bundle")
    >>> from scoring.backends.numba.backend import NumbaBackend
    >>> ranking = NumbaBackend(Bundle.open(folder / "jobs.bundle")).top_k(40)
    """

    program: Program
    eligibility: EligibilityArrays
    user_id: Longs  # (n,)
    job_id: Longs  # (m,)
    make_search: Callable[[], SearchIndex]
    known_digest: str | None = field(default=None)
    """Digest of the file that the bundle was opened from; None if it was not opened from a file."""
    order: ListOrder | None = None
    """What rules change in the order of lists; None: lists are in the order of their totals."""
    make_parts: Callable[[], tuple[Bundle, ...]] = tuple

    def __repr__(self) -> str:
        return f"Bundle({pluralize(len(self.user_id), 'user')} × {pluralize(len(self.job_id), 'job')})"

    @cached_property
    def n_eligible(self) -> int:
        """Number of jobs that are not excluded for all users."""
        return self.eligibility.n_eligible

    @cached_property
    def search(self) -> SearchIndex:
        """The search index. It requires at least one user and one eligible job."""
        return self.make_search()

    @cached_property
    def parts(self) -> tuple[Bundle, ...]:
        """The bundles of the parts of `order`, each with the eligible jobs of one part; empty without an order."""
        return self.make_parts()

    @property
    def models(self) -> list[BundledModel]:
        """The trained models that are evaluated per pair."""
        found = (find_pair_function(self.program, c) for c in find_pair_components(self.program))
        return [function for function in found if isinstance(function, BundledModel)]

    @cached_property
    def digest(self) -> str:
        """Digest of the content, 64 hex digits, computed on first access in about one second per gigabyte."""
        return self.known_digest or bundle_file.digest_of(self._parts())

    def save(self, path: str | Path) -> str:
        """Write the bundle to a file and return its digest.

        The file is replaced atomically. Only its owner may read it, because it contains ids and actions.

        Raises
        ------
        OutputError: If the file cannot be written.
        """
        return bundle_file.write(expand_path(path), self._parts())

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Map a file that `save` wrote into memory. The file must not change while the bundle is in use.

        Raises
        ------
        BundleFileError: If it is not a bundle, has another format version, is truncated, or was changed.
        """
        path = expand_path(path)
        parts, digest = bundle_file.read(path)
        try:
            return cls._from_parts(path, parts, digest)
        except KeyError as error:
            problem = f"does not contain {error.args[0]}. Save the bundle again with this version of scoring"
            raise BundleFileError(path, "format", problem) from error

    @classmethod
    def _from_parts(cls, path: Path, parts: Parts, digest: str) -> Self:
        program = _register_models(parts, Program(**parts.fields("program", Program._fields)))
        eligibility = EligibilityArrays(**parts.fields("eligibility", EligibilityArrays._fields))
        ids = parts.arrays["user_id"], parts.arrays["job_id"]
        order: ListOrder | None = None
        of_parts: list[Bundle] = []
        if parts.contains("order"):
            order = ListOrder(**parts.fields("order", ListOrder._fields))
            while parts.contains(f"part{len(of_parts)}"):
                prefix = f"part{len(of_parts)}"
                rules = eligibility._replace(**parts.fields(prefix, _RULES_OF_PART))
                of_parts.append(Bundle(program, rules, *ids, _read_search(path, parts, program, f"{prefix}.")))
        return cls(
            program, eligibility, *ids, _read_search(path, parts, program), digest, order, lambda: tuple(of_parts)
        )

    def _parts(self) -> Parts:
        """Return the content of the file, without arrays that are views of others."""
        parts, link = Parts(), self.program.link.copy()
        link[:, LINK_TOKEN] = 0.0  # tokens are random numbers of this process
        parts.add("program", self.program._replace(link=link), Program._fields)
        for component in find_pair_components(self.program):
            function = find_pair_function(self.program, component)
            if not isinstance(function, BundledModel):
                raise ModelError(
                    "The bundle contains a function of pairs of an own component, which a file cannot contain. Rank in "
                    "this process, or use a component without a PairTerm.",
                    key=("pairs",),
                )
            function.add_to(parts, f"{_MODEL}.{component}")
        parts.add("eligibility", self.eligibility, EligibilityArrays._fields)
        parts.arrays |= {"user_id": self.user_id, "job_id": self.job_id}
        if self.order is not None:
            parts.add("order", self.order, ListOrder._fields)
        if self.n_eligible and len(self.user_id):
            if self.order is None:
                self._add_search(parts, "")
            for number, part in enumerate(self.parts):
                parts.add(f"part{number}", part.eligibility, _RULES_OF_PART)
                part._add_search(parts, f"part{number}.")
        return parts

    def _add_search(self, parts: Parts, prefix: str) -> None:
        search = self.search
        parts.add(f"{prefix}search.program", search.program, (*JOB_ARRAYS, *JOB_ROWS))
        parts.add(f"{prefix}search.index", search.index, _INDEX_FIELDS)
        parts.add(f"{prefix}search.limits", search.limits, Limits._fields)
        parts.arrays[f"{prefix}{_USER_LOCALITY}"] = search.user_locality


_RULES_OF_PART = ("open_to_all", "per_company")
"""Fields of the rules that differ between a bundle and its parts."""
_VIEWS = ("block_single", "block_masks")
"""Fields of an index that are views of `block` with other types."""
_INDEX_FIELDS = tuple(name for name in Index._fields if name not in _VIEWS)
_USER_LOCALITY = "search.user_locality"
_MODEL = "model"


def _register_models(parts: Parts, program: Program) -> Program:
    """Return the program with tokens of the trained models in a file."""
    models = {c: BundledModel.of_parts(parts, f"{_MODEL}.{c}") for c in find_pair_components(program)}
    if not models:
        return program
    link = np.array(program.link)
    for component, token in register_functions(models, link).items():
        link[component, LINK_TOKEN] = token
    return program._replace(link=link)


def _read_search(path: Path, parts: Parts, program: Program, prefix: str = "") -> Callable[[], SearchIndex]:
    """Return a function that returns the search index of a file, or raises an error if the file has none."""
    search = _search(parts, program, prefix) if f"{prefix}{_USER_LOCALITY}" in parts.arrays else None

    def make_search() -> SearchIndex:
        if search is None:
            raise BundleFileError(
                path,
                "empty",
                "contains no users or no eligible jobs, so it cannot be ranked. Use a bundle that contains both",
            )
        return search

    return make_search


def _search(parts: Parts, program: Program, prefix: str) -> SearchIndex:
    fields = parts.fields(f"{prefix}search.index", _INDEX_FIELDS)
    block = fields["block"]
    return SearchIndex(
        program._replace(**parts.fields(f"{prefix}search.program", (*JOB_ARRAYS, *JOB_ROWS))),
        Index(**fields, block_single=block.view("f4"), block_masks=block.view("u8")),
        Limits(**parts.fields(f"{prefix}search.limits", Limits._fields)),
        parts.arrays[f"{prefix}{_USER_LOCALITY}"],
    )
