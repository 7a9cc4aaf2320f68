"""Texts about components, parameters, rules and measures, from their docstrings."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any, Final

from pydantic import BaseModel

from scoring.evaluation.measure_info import MEASURES, find_measure
from scoring.model import Component, Eligibility, Part, ScoringModel
from scoring.model_report.measure_descriptions import describe_measure
from scoring.widgets.parameter_sliders import list_parameters

__all__ = ["collect_tooltips", "read_field_texts"]

_GROUP_TEXTS: Final = {
    "base": "What the job offers. It is the same for all users.",
    "match": "How well the job fits the place and the wishes of the user.",
    "personal": "How well the job fits the past actions of the user.",
}
_SHIPPED: Final = "scoring.components."
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9`])")


def collect_tooltips(model: ScoringModel, currency: str = "") -> dict[str, Any]:
    """Return the texts by kind and name, for the page.

    Keys: groups, components, parameters, curves, rules (each name → text), and measures (label, such as `mean fee` →
    text, unit and good direction: 1 higher, -1 lower, 0 neither). `currency` is the unit of amounts of money. The text
    of a measure calls its number of ranks k.
    """
    parameters, curves = dict[str, str](), dict[str, str]()
    for part in model.parts:
        texts = _describe_fields(part)
        for parameter in list_parameters(part):
            if parameter.at is None:
                limits = _describe_limits(parameter.low, parameter.high)
                parameters[parameter.name] = f"{texts[parameter.field]}{limits}"
            else:
                curves[f"{part.name}.{parameter.field}"] = texts[parameter.field]
    return {
        "groups": _GROUP_TEXTS,
        "components": {part.name: _describe_component(part.component) for part in model.parts},
        "parameters": parameters,
        "curves": curves,
        "rules": dict(read_field_texts(Eligibility)),
        "measures": {
            label: {
                "text": describe_measure(f"{label}@k"),
                "unit": find_measure(label, currency).unit,
                "good": measure.good_sign,
            }
            for label, measure in MEASURES.items()
        },
    }


@cache
def read_field_texts(kind: type[BaseModel]) -> Mapping[str, str]:
    """Return field → its description: that of `Field`, or the string below the field in the source of the class.

    Fields without a description are left out. So are those of a class whose source is not known.
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= _read_source_texts(base)
    described = {name: info.description for name, info in kind.model_fields.items() if info.description}
    return {name: text for name, text in (found | described).items() if name in kind.model_fields}


def _read_source_texts(kind: type) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):  # a class without a file
        return {}
    body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as content)),
            ):
                found[name] = _join_lines(content)
    return found


def _describe_component(component: Component) -> str:
    """Return what the component measures, and its formula."""
    kind = type(component)
    module = sys.modules.get(kind.__module__)
    summary = (module.__doc__ or "").strip() if module and kind.__module__.startswith(_SHIPPED) else ""
    return " ".join(text for text in (_join_lines(summary), _join_lines(inspect.getdoc(kind) or "")) if text)


def _describe_fields(part: Part) -> dict[str, str]:
    """Return field → its description, otherwise the sentences of the component's docstring that mention it.

    Without both, the docstring's first sentence describes the component that the field belongs to.
    """
    kind = type(part.component)
    described = read_field_texts(kind)
    sentences = _SENTENCE_END.split(_join_lines(inspect.getdoc(kind) or ""))
    texts = {}
    for field in kind.model_fields:
        mentions = [sentence for sentence in sentences if f"`{field}`" in sentence]
        words = field.replace("_", " ")
        if field not in described and not mentions:
            mentions = [f"{words[0].upper()}{words[1:]} of {part.name}.", *sentences[:1]]
        texts[field] = described.get(field) or " ".join(mentions).strip()
    return texts


def _describe_limits(low: float, high: float) -> str:
    start = "above 0" if 0 < low < 1e-300 else f"from {low:g}"
    ends = [start if abs(low) < 1e300 else "", f"to {high:g}" if abs(high) < 1e300 else ""]
    text = " ".join(end for end in ends if end)
    return f" Values {text}." if text else ""


def _join_lines(text: str) -> str:
    """Return a text as one line."""
    return " ".join(text.split())
