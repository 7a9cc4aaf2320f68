"""A saved profile: a model, its metadata, and the text of its file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import pandas as pd
import yaml

from scoring.errors import ModelError
from scoring.model import Component, ScoringModel, parse_model
from scoring.model.model_file import parse_section
from scoring.plotting.html_table import render_html_table
from scoring.registry.metadata import ProfileMetadata

__all__ = ["Profile", "dump_profile", "parse_metadata", "parse_profile"]


@dataclass(frozen=True)
class Profile:
    """One version of a profile. Its model is named NAME@VERSION, so that results identify the version."""

    metadata: ProfileMetadata
    model: ScoringModel

    @property
    def about(self) -> ProfileMetadata:
        """The `metadata`. Deprecated since 0.2: use `metadata`."""
        warnings.warn("Profile.about was renamed. Use Profile.metadata.", DeprecationWarning, stacklevel=2)
        return self.metadata

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def version(self) -> int:
        return self.metadata.version

    @property
    def digest(self) -> str:
        """Digest of the model at the time of saving."""
        return self.metadata.digest

    @property
    def is_as_saved(self) -> bool:
        """Whether the loaded model has the digest of the saved model."""
        return self.model.digest == self.metadata.digest

    @property
    def problem(self) -> str | None:
        """A sentence if the loaded model differs from the saved one, otherwise None."""
        if self.is_as_saved:
            return None
        return (
            f"profile {self.metadata.reference} is not the model that was saved: its file was edited, or the code of a "
            "component changed. To use it, save it as a new version: `scoring profiles save NAME --model FILE`."
        )

    def require_as_saved(self) -> None:
        """Check that the loaded model is the saved one.

        Raises
        ------
        ModelError: If it differs.
        """
        if self.problem is not None:
            raise ModelError(self.problem, key=("model",))

    def frame(self) -> pd.DataFrame:
        """Return one row per component: group · component · weight (flat, share of the total) · weight_in_group."""
        model = self.model
        return pd.DataFrame(
            {
                "group": [part.group for part in model.parts],
                "component": [part.name for part in model.parts],
                "weight": model.flat_weights,
                "weight_in_group": model.weights_in_group,
            }
        )

    def metrics_frame(self) -> pd.DataFrame:
        """Return one row per split and metric: split · metric · value · low · high · n. Unknown values are missing."""
        rows = [
            {"split": split, "metric": name} | metric.model_dump()
            for split, metrics in self.metadata.metrics.items()
            for name, metric in metrics.items()
        ]
        frame = pd.DataFrame(rows, columns=["split", "metric", "value", "low", "high", "n"])
        return frame.astype({"value": float, "low": float, "high": float, "n": "Int64"})

    def __repr__(self) -> str:
        state = "" if self.is_as_saved else ", not as saved"
        return f"Profile({self.metadata.reference}, saved {self.metadata.saved_at:%Y-%m-%d %H:%M}{state})"

    def _repr_html_(self) -> str:
        """Return the origin, the metrics and the model."""
        about, metrics = self.metadata, self.metrics_frame()
        facts = [f"derived from {about.parent}"] if about.parent is not None else []
        if about.found_on is not None:
            facts.append(f"tuned on data as of {about.found_on.as_of:%Y-%m-%d %H:%M} UTC")
        lines = [f"<b>{escape(repr(self))}</b>", *(escape(line) for line in ("; ".join(facts), about.note) if line)]
        text = "".join(f"<p>{line}</p>" for line in lines)
        if len(metrics):
            table = render_html_table(metrics, dict.fromkeys(("value", "low", "high"), "{:,.4g}".format))
            text += f"<details><summary>metrics</summary>{table}</details>"
        return f"{text}{self.model._repr_html_()}"


class _Line(dict[str, Any]):
    """A mapping that YAML writes on one line."""


class _Dumper(yaml.SafeDumper):
    """A YAML writer for readable diffs: no aliases, and notes of several lines as block text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    lines = text.split("\n")
    style = "|" if len(lines) > 1 else None
    # unless escaped, other line ends and leading or trailing spaces would change when the text is read
    if not all(line.isprintable() for line in lines) or (style and (text[0].isspace() or " \n" in f"{text}\n")):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_line(dumper: yaml.SafeDumper, data: _Line) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Line, _represent_line)


def dump_profile(metadata: ProfileMetadata, model: ScoringModel) -> str:
    """Return the text of a model file with a `profile` section before the model.

    Raises
    ------
    ModelError: If reading the text would return another model or other metadata.
    """
    section = metadata.as_dict()
    if "parent" in section:
        section["parent"] = _Line(section["parent"])
    for metrics in section.get("metrics", {}).values():
        metrics.update({name: _Line(metric) for name, metric in metrics.items()})
    content = replace(model, name=metadata.reference).as_dict()
    for group in content["groups"].values():
        group["components"] = {name: _Line(part) for name, part in group["components"].items()}
    whole = {"profile": section} | content
    text: str = yaml.dump(whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    kinds = {part.component.kind: type(part.component) for part in model.parts}
    loaded = parse_profile(text, kinds, source=f"profile {metadata.reference}")
    if not loaded.is_as_saved or loaded.metadata != metadata:
        raise ModelError(
            f"profile {metadata.reference} was not saved: reading its file would return another model or other "
            "metadata. Use only numbers, text and lists as parameters of components."
        )
    return text


def parse_metadata(text: str, *, source: str) -> ProfileMetadata:
    """Parse the `profile` section of a file.

    Raises
    ------
    ModelError: If the section is missing or invalid. The error contains the line.
    """
    return parse_section(_cut_head(text), "profile", ProfileMetadata, source=source)


def _cut_head(text: str) -> str:
    """Return only the `profile` section if the text begins with it, as saved files do.

    A list of hundreds of profiles is read three times as fast.
    """
    lines = text.split("\n")
    if lines[0] != "profile:":
        return text
    end = next((place for place, line in enumerate(lines) if place and line[:1].strip()), len(lines))
    return "\n".join(lines[:end])


def parse_profile(text: str, kinds: Mapping[str, type[Component]], *, source: str) -> Profile:
    """Parse the text of a profile file.

    Raises
    ------
    ModelError: If the text is invalid. The error contains the line.
    """
    return Profile(parse_metadata(text, source=source), parse_model(text, kinds, source=source))
