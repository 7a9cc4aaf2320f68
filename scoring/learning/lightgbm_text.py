"""Reads the text format of LightGBM, version 4, without LightGBM.

The supported subset: one output; numerical splits whose missing type is None or NaN; categorical splits; boosting by
gbdt, goss and dart. Everything else is rejected by name, because a model that is read in another way gives plausible
wrong numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np

from scoring.errors import ModelError, shorten_repr
from scoring.learning.tree_ensemble import Tree, TreeEnsemble

__all__ = ["OBJECTIVES", "parse_lightgbm"]

OBJECTIVES: Final = frozenset(
    (
        "binary", "cross_entropy", "cross_entropy_lambda", "fair", "gamma", "huber", "lambdarank", "mape", "poisson",
        "quantile", "rank_xendcg", "regression", "regression_l1", "tweedie",
    )
)  # fmt: skip
"""Objectives whose models are read. The raw score of all of them is the sum of the leaf values."""

_MAX_BYTES: Final = 64 << 20
_MAX_LEAVES: Final = 4096
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT = 1, 2, 2
_MISSING_NONE, _MISSING_ZERO, _MISSING_NAN = range(3)

_HEADER: Final = frozenset(
    (
        "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective",
        "feature_names", "feature_infos", "tree_sizes", "monotone_constraints",
    )
)  # fmt: skip
_TREE: Final = frozenset(
    (
        "num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type", "left_child",
        "right_child", "leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight",
        "internal_count", "cat_boundaries", "cat_threshold", "is_linear", "shrinkage", "leaf_const", "num_features",
        "leaf_features", "leaf_coeff",
    )
)  # fmt: skip

_Number = TypeVar("_Number", int, float)


def parse_lightgbm(content: bytes, *, source: str = "model file") -> TreeEnsemble:
    """Return the trees of a LightGBM model in text format.

    Parameters
    ----------
    content: The content of the file.
    source: The name of the file, for errors.

    Raises
    ------
    ModelError: If the content is not a model of the supported subset.
    """
    return _Reader(content, source).read()


class _Section:
    """Lines `key=value` up to an empty line."""

    def __init__(self, reader: _Reader, name: str, known: frozenset[str]) -> None:
        self.reader, self.name = reader, name
        self.values: dict[str, str] = {}
        self.flags: set[str] = set()
        for line in reader.take_section():
            key, has_value, value = line.partition("=")
            if key in self.values or key in self.flags:
                raise reader.error(f"{name}: `{key}` occurs twice", "duplicate")
            if not has_value:
                self.flags.add(key)
            elif key not in known:
                raise reader.error(f"{name}: unknown key `{shorten_repr(key)}`", "key")
            else:
                self.values[key] = value

    def text(self, key: str) -> str:
        if key not in self.values:
            raise self.reader.error(f"{self.name}: `{key}` is missing", key)
        return self.values[key]

    def integer(self, key: str) -> int:
        return self.numbers(key, int, 1)[0]

    def numbers(self, key: str, kind: type[_Number], n: int) -> list[_Number]:
        """Return the n numbers of a key."""
        words = self.text(key).split()
        if len(words) != n:
            raise self.reader.error(f"{self.name}: `{key}` has {len(words)} values and must have {n}", key)
        try:
            numbers = [kind(word) for word in words]
        except ValueError:
            raise self.reader.error(f"{self.name}: `{key}` contains a value that is not a number", key) from None
        if any(math.isnan(number) or (math.isinf(number) and key != "threshold") for number in numbers):
            raise self.reader.error(f"{self.name}: `{key}` contains NaN or infinity", key)
        return numbers


class _Reader:
    def __init__(self, content: bytes, source: str) -> None:
        self.source = source
        if len(content) > _MAX_BYTES:
            raise self.error(f"the file has more than {_MAX_BYTES >> 20} MiB", "size")
        try:
            self.lines = content.decode("utf-8").splitlines()
        except UnicodeDecodeError:
            raise self.error("the file is not text", "text") from None
        self.at = 0

    def error(self, problem: str, key: str) -> ModelError:
        return ModelError(
            f"{self.source}: {problem}. Save the model again with LightGBM 4 (`Booster.save_model`).", key=(key,)
        )

    def unsupported(self, what: str, key: str, advice: str) -> ModelError:
        return ModelError(f"{self.source}: {what} is not supported. {advice}", key=(key,))

    def take_section(self) -> list[str]:
        """Return the lines up to the next empty line, and continue after it."""
        lines = []
        while self.at < len(self.lines) and self.lines[self.at].strip():
            lines.append(self.lines[self.at])
            self.at += 1
        while self.at < len(self.lines) and not self.lines[self.at].strip():
            self.at += 1
        return lines

    def read(self) -> TreeEnsemble:
        if not self.lines or self.lines[0] != "tree":
            raise self.error("the file is not a LightGBM model in text format", "format")
        self.at = 1
        header = _Section(self, "header", _HEADER)
        self._check_header(header)
        names = header.text("feature_names").split()
        n_features = header.integer("max_feature_idx") + 1
        if len(names) != n_features:
            raise self.error(f"`feature_names` has {len(names)} names and must have {n_features}", "feature_names")
        sizes = header.text("tree_sizes").split()
        trees: list[Tree] = []
        while self.at < len(self.lines) and self.lines[self.at].startswith("Tree="):
            if self.lines[self.at] != f"Tree={len(trees)}":
                raise self.error(f"{self.lines[self.at][:20]} follows {len(trees)} trees", "order")
            self.at += 1
            trees.append(self._read_tree(f"tree {len(trees)}", n_features))
        if self.at >= len(self.lines) or self.lines[self.at] != "end of trees":
            raise self.error("the line `end of trees` is missing; the file is incomplete", "end")
        if len(trees) != len(sizes) or not trees:
            raise self.error(f"the file has {len(trees)} trees and `tree_sizes` has {len(sizes)}", "tree_sizes")
        self._check_features(trees, names)
        return TreeEnsemble(tuple(trees), tuple(names), header.text("objective"))

    def _check_header(self, header: _Section) -> None:
        version = header.text("version")
        if version != "v4":
            raise self.unsupported(f"version {shorten_repr(version)} of the text format", "version", "Use version v4.")
        if "average_output" in header.flags:
            raise self.unsupported(
                "a random forest (`boosting: rf`)", "average_output", "Train with `boosting: gbdt` or `dart`."
            )
        if header.flags:
            raise self.unsupported(f"`{min(header.flags)[:40]}`", "flag", "Train without it.")
        if header.integer("num_class") != 1 or header.integer("num_tree_per_iteration") != 1:
            raise self.unsupported("a model with several outputs (multiclass)", "num_class", "Train one output.")
        if "objective" not in header.values:
            raise self.unsupported("a model with an own objective", "objective", "Train with an objective by name.")
        objective = header.text("objective").split()[:1]
        if not objective or objective[0] not in OBJECTIVES:
            known = ", ".join(sorted(OBJECTIVES))
            raise self.unsupported(
                f"objective {shorten_repr(header.text('objective'))}", "objective", f"Use one of {known}."
            )

    def _read_tree(self, name: str, n_features: int) -> Tree:
        section = _Section(self, name, _TREE)
        if section.flags:
            raise self.error(f"{name}: unknown line {shorten_repr(min(section.flags))}", "line")
        n_leaves, n_cat = section.integer("num_leaves"), section.integer("num_cat")
        if not 1 <= n_leaves <= _MAX_LEAVES:
            raise self.error(f"{name}: `num_leaves` is {n_leaves}; it must be from 1 to {_MAX_LEAVES}", "num_leaves")
        if section.integer("is_linear"):
            raise self.unsupported(f"{name}: a linear tree", "is_linear", "Train without `linear_tree`.")
        n = n_leaves - 1
        leaf_value = np.array(section.numbers("leaf_value", float, n_leaves))
        if n == 0:
            none = np.zeros(0, dtype=np.int32)
            off = np.zeros(0, dtype=bool)
            return Tree(
                none, np.zeros(0), none, none, off, off, (), leaf_value, np.zeros(1, np.int64), np.zeros(0, int)
            )
        kind = section.numbers("decision_type", int, n)
        threshold = section.numbers("threshold", float, n)
        feature = section.numbers("split_feature", int, n)
        left, right = section.numbers("left_child", int, n), section.numbers("right_child", int, n)
        if not all(0 <= number < n_features for number in feature):
            raise self.error(f"{name}: a split's feature is not from 0 to {n_features - 1}", "split_feature")
        self._check_children(name, left, right)
        missing = [number >> _MISSING_SHIFT for number in kind]
        if any(number < 0 or number > 11 for number in kind):
            raise self.error(f"{name}: `decision_type` contains an unknown value", "decision_type")
        if any(m == _MISSING_ZERO and not k & _CATEGORICAL for m, k in zip(missing, kind, strict=True)):
            raise self.unsupported(
                f"{name}: zero as a missing value", "zero_as_missing", "Train without `zero_as_missing`."
            )
        categories = self._read_categories(section, n_cat, kind, threshold)
        return Tree(
            feature=np.array(feature, dtype=np.int32),
            threshold=np.array(threshold),
            left=np.array(left, dtype=np.int32),
            right=np.array(right, dtype=np.int32),
            default_left=np.array([bool(number & _DEFAULT_LEFT) for number in kind]),
            keeps_nan=np.array([number == _MISSING_NAN for number in missing]),
            categories=categories,
            leaf_value=leaf_value,
            leaf_count=np.array(section.numbers("leaf_count", int, n_leaves), dtype=np.int64),
            split_count=np.array(section.numbers("internal_count", int, n), dtype=np.int64),
        )

    def _check_children(self, name: str, left: Sequence[int], right: Sequence[int]) -> None:
        """Require that each leaf and each split except the root is the child of one earlier split."""
        n = len(left)
        children = [*left, *right]
        is_tree = sorted(children) == [*range(-n - 1, 0), *range(1, n)] and all(
            child < 0 or child > parent for side in (left, right) for parent, child in enumerate(side)
        )
        if not is_tree:
            raise self.error(f"{name}: `left_child` and `right_child` do not form a tree", "left_child")

    def _read_categories(
        self, section: _Section, n_cat: int, kind: Sequence[int], threshold: Sequence[float]
    ) -> tuple[frozenset[int] | None, ...]:
        is_categorical = [bool(number & _CATEGORICAL) for number in kind]
        if sum(is_categorical) != n_cat:
            raise self.error(
                f"{section.name}: `num_cat` is {n_cat}, but {sum(is_categorical)} splits are categorical", "num_cat"
            )
        if not n_cat:
            return (None,) * len(kind)
        start = section.numbers("cat_boundaries", int, n_cat + 1)
        if start[0] != 0 or any(a >= b for a, b in pairwise(start)):
            raise self.error(f"{section.name}: `cat_boundaries` does not ascend from 0", "cat_boundaries")
        words = section.numbers("cat_threshold", int, start[-1])
        if any(not 0 <= word < 2**32 for word in words):
            raise self.error(f"{section.name}: `cat_threshold` is not of 32-bit words", "cat_threshold")
        sets = [
            frozenset(
                32 * place + bit
                for place, word in enumerate(words[start[number] : start[number + 1]])
                for bit in range(32)
                if word >> bit & 1
            )
            for number in range(n_cat)
        ]
        numbers = [int(value) for value, chosen in zip(threshold, is_categorical, strict=True) if chosen]
        if sorted(numbers) != list(range(n_cat)):
            raise self.error(f"{section.name}: the categorical splits do not use each set once", "threshold")
        return tuple(
            sets[int(value)] if chosen else None for value, chosen in zip(threshold, is_categorical, strict=True)
        )

    def _check_features(self, trees: Sequence[Tree], names: Sequence[str]) -> None:
        """Require that no feature has numerical and categorical splits."""
        kinds: dict[int, bool] = {}
        for tree in trees:
            for feature, categories in zip(tree.feature.tolist(), tree.categories, strict=True):
                if kinds.setdefault(feature, categories is not None) is not (categories is not None):
                    raise self.error(
                        f"feature {shorten_repr(names[feature])} has numerical and categorical splits", "split_feature"
                    )
