"""The verdict of a gate on a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

import pandas as pd

from scoring.errors import ScoringError, make_printable, pluralize
from scoring.runs.gate.rules import FALL, Rule
from scoring.runs.publishers import RunInfo

__all__ = ["BY_PUBLISHED_MODEL", "GateFailedError", "Measure", "Outcome", "Verdict", "read_outcome", "summarize_record"]


class Outcome(StrEnum):
    """The decision of a gate. The values are stored in manifests, journals and databases."""

    PASSED = "passed"
    FORCED = "forced"
    HELD_BACK = "kept aside"


BY_PUBLISHED_MODEL: Final = " by the published model"

Unit = Literal["share", "count", "points", "number", "money"]


@dataclass(frozen=True)
class Measure:
    """One figure of both runs, and its limit. `None` means not measurable, or unlimited."""

    key: str
    name: str
    published: float | None
    new: float | None
    limit: float | None
    rule: Rule
    unit: Unit
    by_published_model: bool = False
    """Whether the new data was ranked by the published model."""

    @property
    def is_exceeded(self) -> bool:
        """Whether the limit is exceeded."""
        return self.rule.is_broken(self.published, self.new, self.limit)

    @property
    def limit_text(self) -> str:
        """The limit in words, such as "at most 10%"."""
        if self.limit is None:
            return "no limit"
        is_share = self.unit == "share" or self.rule is FALL
        return self.rule.text.format(f"{100 * self.limit:g}%" if is_share else f"{self.limit:g}")

    @property
    def result(self) -> str:
        """The word in the last column of the table."""
        if self.is_exceeded:
            return "EXCEEDED"
        if self.limit is None:
            return "–"
        is_known = self.new is not None and (self.published is not None or self.rule.is_single_value)
        return "within" if is_known else "not measured"

    def format_value(self, value: float | None) -> str:
        """Return a value of this measure as text."""
        if value is None:
            return "–"
        forms = {"share": f"{100 * value:.1f}%", "points": f"{value:.2f}", "number": f"{value:.3f}"}
        return forms.get(self.unit, f"{value:,.0f}")


@dataclass(frozen=True, repr=False)
class Verdict:
    """The comparison of a new run with a published run, by measure."""

    new: RunInfo
    published: RunInfo | None
    """None: no run exists that can be compared."""
    place: str
    """The folder or database from which the published run was read."""
    measures: tuple[Measure, ...]
    notes: tuple[str, ...] = ()
    """Facts that explain the comparison, such as a changed model or a published run that cannot be read."""
    force: str | None = None
    """The reason for publishing the run although a limit is exceeded."""

    @property
    def exceeded(self) -> tuple[Measure, ...]:
        """The measures whose limit is exceeded."""
        return tuple(measure for measure in self.measures if measure.is_exceeded)

    @property
    def outcome(self) -> Outcome:
        if not self.exceeded:
            return Outcome.PASSED
        return Outcome.HELD_BACK if self.force is None else Outcome.FORCED

    def __repr__(self) -> str:
        return f"Verdict({self.summarize()})"

    def _repr_html_(self) -> str:
        return f"<p>{self.summarize()}</p>{self.frame().to_html()}"

    def frame(self) -> pd.DataFrame:
        """Return one row for each measure.

        Columns: `published` and `new` (values of the two runs), `limit`, `limit_text`, `exceeded`, `by_published_model`
        (the new data was ranked by the published model).
        """
        rows = [
            (
                measure.name,
                measure.published,
                measure.new,
                measure.limit,
                measure.limit_text,
                measure.is_exceeded,
                measure.by_published_model,
            )
            for measure in self.measures
        ]
        columns = ["measure", "published", "new", "limit", "limit_text", "exceeded", "by_published_model"]
        kinds = dict.fromkeys(("published", "new", "limit"), "float64") | dict.fromkeys(columns[5:], "bool")
        return pd.DataFrame(rows, columns=columns).astype(kinds).set_index("measure")

    def summarize(self) -> str:
        """Return the verdict in one line."""
        return summarize_record(self.record())

    def record(self) -> dict[str, Any]:
        """Return the verdict as numbers and text, for a manifest."""
        return {
            "outcome": self.outcome.value,
            "reason": self.force,
            "against": None if self.published is None else self.published.run_id,
            "place": self.place,
            "notes": list(self.notes),
            "measures": {
                measure.key: {
                    "name": measure.name,
                    "last_night": measure.published,
                    "tonight": measure.new,
                    "limit": measure.limit,
                    "beyond": measure.is_exceeded,
                    "as_before": measure.by_published_model,
                    "shown": f"{_format_measure(measure)} ({measure.limit_text})",
                }
                for measure in self.measures
            },
        }


def _format_measure(measure: Measure) -> str:
    name = f"{measure.name}{BY_PUBLISHED_MODEL if measure.by_published_model else ''}"
    new = measure.format_value(measure.new)
    if measure.rule.is_single_value:
        return f"{name} {new}"
    return f"{name} {measure.format_value(measure.published)} → {new}"


def read_outcome(record: Mapping[str, Any]) -> Outcome:
    """Return the outcome stored in the record of a verdict. Raises ValueError, KeyError if it is invalid."""
    return Outcome(record["outcome"])


def summarize_record(record: Mapping[str, Any]) -> str:
    """Return the record of a verdict in one line."""
    measures = record["measures"]
    if record["against"] is None and not measures:
        return "; ".join(["passed: no run to compare with", *record["notes"]])
    exceeded = ", ".join(measure["shown"] for measure in measures.values() if measure["beyond"])
    compared = "no run to compare with" if record["against"] is None else f"compared with run {record['against']}"
    if record["outcome"] == Outcome.PASSED:
        keys = ("jobs_kept", "coverage", "mean_score")
        values = [measures[key]["shown"].rsplit(" (", 1)[0] for key in keys]
        if "jobs_kept_as_before" in measures:  # the same measure by both models
            by_new = values[0].removeprefix(measures["jobs_kept"]["name"]).strip()
            by_published = measures["jobs_kept_as_before"]["shown"].rsplit(" (", 1)[0]
            values[0] = f"{by_published}, by the model of this run {by_new}"
        summary = f"passed, {compared}: {', '.join(values)}"
    elif record["outcome"] == Outcome.HELD_BACK:
        summary = f"held back, {compared}: {exceeded}"
    else:
        summary = f"forced ({make_printable(record['reason'])}), {compared}: {exceeded}"
    return "; ".join([summary, *record["notes"]])


class GateFailedError(ScoringError, RuntimeError):
    """A complete run exceeds a limit of its gate. It is kept, but not published. `verdict` has the measures."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        run_id, first, n_others = verdict.new.run_id, verdict.exceeded[0], len(verdict.exceeded) - 1
        verb = "exceeds its limit" if n_others == 1 else "exceed their limits"
        others = f" {pluralize(n_others, 'other measure')} also {verb}." if n_others else ""
        published = verdict.published
        readers = "No run is published yet." if published is None else f"Readers still get run {published.run_id}."
        super().__init__(
            f"Run {run_id} is held back: {_format_measure(first)} exceeds its limit ({first.limit_text}).{others} "
            f"{readers} To publish run {run_id}, use `scoring runs publish "
            f"{run_id} --force REASON`, or repeat this command with --resume --force REASON. "
            "docs/nightly_run.md describes the gate."
        )
