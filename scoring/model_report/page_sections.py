"""The sections of a report in plain words. Each function returns HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

from scoring.errors import make_printable, pluralize
from scoring.evaluation.measure_info import PRICE_SHARE, find_good_sign, find_measure, is_price
from scoring.model.setting_text import format_setting
from scoring.model_report.example_users import ExampleJob, ExampleUser
from scoring.model_report.list_changes import ListChanges
from scoring.model_report.measure_descriptions import (
    describe_component,
    describe_measure,
    is_list_measure,
    name_measure,
    name_slicing,
)
from scoring.model_report.page_elements import (
    Column,
    draw_change_bar,
    draw_pair_bar,
    escape_data,
    escape_text,
    format_count,
    format_value,
    render_list,
    render_paragraphs,
    render_table,
    set_minus_signs,
)
from scoring.model_report.report_content import ReportContent, RunFacts
from scoring.model_report.svg_charts import ChartRow, Direction, draw_changes, draw_histogram, find_reach
from scoring.registry import Metric, Profile
from scoring.registry.evaluation_log import Change, SavedSlice, TestAccess
from scoring.registry.promotion_evidence import TestResult
from scoring.registry.promotions import Promotion, StoredPromotion
from scoring.runs.gate.verdict import BY_PUBLISHED_MODEL

__all__ = ["SECTIONS", "render_summary"]

_NAMED: Final = 4
"""Maximum number of measures that a sentence of the summary names."""


# Summary


def render_summary(content: ReportContent) -> str:
    """Return the first page: the decision, what got better and worse, and what is doubtful."""
    boxes = [
        _render_box("What changed", _summarize_change(content), ""),
        _render_gain(content),
        _render_price(content),
        _render_box("Lists of users", _summarize_lists(content.lists, content.lists_problem), ""),
        _render_groups_box(content),
        _render_box("Decision", _summarize_decision(content), ""),
    ]
    doubts = "".join(
        f'<div class="warning"><p>{escape_text(set_minus_signs(text), 600)}</p></div>' for text in content.doubts
    )
    chart = _render_change_chart(content)
    lead = f'<p class="lead">{_conclude(content)}{_qualify(content)}</p>'
    return f'<section id="summary">{lead}<div class="facts">{"".join(boxes)}</div>{doubts}{chart}</section>'


def _conclude(content: ReportContent) -> str:
    """Return the result in one or two sentences."""
    evidence, access, diff = content.evidence, content.access, content.diff
    if diff is not None and diff.is_same:
        return "The model is the same as before."
    headline = None if evidence is None or access is None else _find_headline(evidence, access)
    if evidence is None or access is None or headline is None or not content.is_change_tested:
        return "It is not known whether users choose more of the shown jobs: this change was not tested."
    change, worse = access.changes[headline], evidence.list_worse_measures()
    price = "; ".join(
        name_measure(name) + ("" if other.relative is None else f" {_format_relative(other.relative)}")
        for name, other in worse.items()
        if name != headline
    )
    if not evidence.is_significant(headline):
        start = "It is not clear whether users choose more of the shown jobs: the change may be chance."
        return f"{start} There is a price: {escape_text(price)}." if price else start
    if change.is_good is False:
        return "In the test, users choose fewer of the shown jobs, or jobs at lower ranks. This is more than chance."
    if change.is_good is None:
        return "In the test, the lists changed by more than chance."
    start = "In the test, the jobs that users choose are shown more often or at higher ranks. This is more than chance"
    return f"{start}, at a price: {escape_text(price)}." if price else f"{start}, and no measure got clearly worse."


def _qualify(content: ReportContent) -> str:
    """Return why the conclusion cannot be trusted; empty if no reason is known."""
    access = content.access
    if access is None or not content.is_change_tested:
        return ""
    if access.n_fitted_users or access.split in ("train", "all"):
        share = "all" if _fitted_all(access) else "some"
        return f" <b>The test favours the model: {share} of its users also served to find the weights.</b>"
    if access.split == "validation":
        return " <b>This is not a final test: models are selected on these users.</b>"
    return ""


def _fitted_all(access: TestAccess) -> bool:
    return access.n_users is not None and access.n_fitted_users == access.n_users


def _render_box(title: str, body: str, kind: str) -> str:
    return f'<div class="fact {kind}"><h3>{title}</h3><p>{body}</p></div>'


def _summarize_change(content: ReportContent) -> str:
    diff = content.diff
    if diff is None:
        return "The earlier model is not known."
    before, after = escape_data(diff.a.name), escape_data(_start_sentence(diff.b.name))
    if diff.is_same:
        return "The model did not change. All differences below come from new data."
    weights = diff.weights()
    moved = weights[weights["change"].abs() > 0.0005].sort_values("change", key=lambda change: -change.abs())
    texts = [
        f"{escape_data(row['component'])} {_format_weight_change(row['a'], row['b'])}"
        for row in moved.to_dict("records")
    ]
    more = len(texts) - _NAMED
    named = ", ".join(texts[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    settings = len(diff.settings())
    extra = f" {pluralize(settings, 'other setting')} also changed." if settings else ""
    start = f"{after} instead of {before}"
    return f"{start}. Changed weights: {named}.{extra}" if named else f"{start}, with the same weights.{extra}"


def _start_sentence(name: str) -> str:
    """Return a name at the start of a sentence. Names of profiles stay as they are."""
    return f"T{name[1:]}" if name.startswith("the ") else name


def _format_weight_change(before: float, after: float) -> str:
    first, second = (0.0 if math.isnan(value) else value for value in (before, after))
    return f"{100 * first:.0f} → {100 * second:.0f}%"


def _render_gain(content: ReportContent) -> str:
    title, access = "What users gain", content.access
    if content.diff is not None and content.diff.is_same:
        return _render_box(title, "Nothing: the model did not change.", "")
    if access is None or not access.changes or content.evidence is None:
        text = "It is not known. " + (
            "No saved profile contains this model."
            if content.profile is None
            else "The model was not compared with another one on users who were kept for the test."
        )
        return _render_box(title, text, "")
    if not content.is_change_tested:
        other = escape_data(access.baseline or "another model")
        return _render_box(title, f"It is not known. The model was tested, but against {other}: see below.", "")
    evidence = content.evidence
    headline = _find_headline(evidence, access)
    if headline is None:
        return _render_box(title, "The test contains no measure of what users choose.", "")
    change = access.changes[headline]
    users = "users" if access.n_users is None else pluralize(access.n_users, "user")
    text = (
        f"In a test with {users}, the {name_measure(headline)} ({escape_text(headline)}) "
        f"{_describe_change(evidence, headline, change)}"
    )
    others = [
        name
        for name, other in access.changes.items()
        if name != headline and not is_list_measure(name) and other.is_good and evidence.is_significant(name)
    ]
    if others:
        more = f", and {len(others) - 2} more" if len(others) > 2 else ""
        text += f" Also better: {_join_measures(others[:2])}{more}."
    losses = [name for name in evidence.list_worse_measures() if name != headline and not is_list_measure(name)]
    if losses:
        more = f", and {len(losses) - 2} more" if len(losses) > 2 else ""
        text += f" Also worse: {_join_measures(losses[:2])}{more}."
    is_clear = evidence.is_significant(headline)
    return _render_box(title, text, {True: "is-good", False: "is-bad", None: ""}[change.is_good] if is_clear else "")


def _find_headline(evidence: TestResult, access: TestAccess) -> str | None:
    """Return the first declared goal, or the first measure of later choices."""
    names = [*evidence.goals, *(name for name in access.changes if not is_list_measure(name))]
    return next((name for name in names if name in access.changes), None)


def _describe_change(evidence: TestResult, measure: str, change: Change) -> str:
    """Return the rest of a sentence: the change, its likely range, and whether it is more than chance."""
    size = escape_text(_format_change(measure, change, evidence.currency))
    likely = ""
    if change.low is not None and change.high is not None:
        likely = f", likely between {format_value(change.low, '+')} and {format_value(change.high, '+')}"
    if not change.has_test:
        return f"changed by {size}. No test was made."
    if not evidence.is_significant(measure):
        return f"changed by {size}{likely}. This may be chance."
    word = {True: "got better", False: "got worse", None: "changed"}[change.is_good]
    return f'<span class="{_classify(change.is_good)}">{word}</span>: {size}{likely}. This is more than chance.'


def _format_change(measure: str, change: Change, currency: str) -> str:
    """Return a difference with its unit and its share of the value before, such as −2,531 yen (−61%)."""
    unit = find_measure(measure, currency).unit
    return _format_size(change, f" {unit}" if unit.startswith("×") or (unit and " " not in unit) else "")


def _format_size(change: Change, unit: str = "") -> str:
    share = "" if change.relative is None else f" ({_format_relative(change.relative)})"
    return f"{format_value(change.difference, '+')}{unit}{share}"


def _classify(is_good: bool | None) -> str:
    return {True: "good", False: "bad", None: ""}[is_good]


def _render_price(content: ReportContent) -> str:
    title, evidence = "The price", content.evidence
    if evidence is not None and content.is_change_tested and not _is_same_model(content):
        worse = {name: change for name, change in evidence.list_worse_measures().items() if is_list_measure(name)}
        if not worse:
            return _render_box(
                title, "No property of the lists is clearly worse, and none by more than 10%.", "is-good"
            )
        texts = [
            f"{name_measure(name)} {escape_text(_format_change(name, change, evidence.currency))}"
            + ("" if evidence.is_significant(name) else " (may be chance)")
            for name, change in worse.items()
        ]
        more = len(texts) - _NAMED
        text = "; ".join(texts[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
        return _render_box(title, f"Worse: {text}.", "is-bad")
    if content.lists is None:
        return _render_box(title, "It is not known.", "")
    rows = content.lists.measures.to_dict("records")
    worse_rows = [row for row in rows if is_price(row["measure"], row["relative"])]
    if not worse_rows:
        return _render_box(title, "No property of the lists is worse by more than 10%.", "")
    texts = [f"{name_measure(row['measure'])} {_format_relative(row['relative'])}" for row in worse_rows]
    return _render_box(title, f"Worse by more than 10%: {'; '.join(texts)}.", "is-bad")


def _is_same_model(content: ReportContent) -> bool:
    return content.diff is not None and content.diff.is_same


def _summarize_lists(lists: ListChanges | None, problem: str) -> str:
    if lists is None:
        return f"The lists were not compared. {escape_text(problem, 500)}"
    if lists.is_same:
        return f"All {pluralize(lists.n_users, 'list')} are the same as before."
    return (
        f"On average, {lists.mean_overlap:.0%} of the jobs in a list stay. {lists.share_changed:.0%} of "
        f"{pluralize(lists.n_users, 'list')} change. {lists.share_first_changed:.0%} of users get another first job."
    )


def _render_groups_box(content: ReportContent) -> str:
    title, access = "Groups of users", content.access
    if access is None or access.worse_slices is None or not content.is_change_tested or _is_same_model(content):
        return _render_box(title, "It was not tested whether a group of users loses.", "")
    if access.n_tested_slices == 0:
        return _render_box(title, "No group had enough users for a test.", "")
    tested = "" if access.n_tested_slices is None else f" Groups with enough users: {access.n_tested_slices:,}."
    if not access.worse_slices:
        return _render_box(title, f"No group of users is clearly worse off.{tested}", "is-good")
    names = list(_collect_worse_slices(access))
    more = len(names) - _NAMED
    text = "; ".join(names[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
    return _render_box(title, f"Clearly worse off: {text}.{tested}", "is-bad")


def _collect_worse_slices(access: TestAccess) -> dict[str, list[str]]:
    """Return slice → its worse measures, as HTML, from texts such as `NDCG@10:tenure:newcomer`."""
    found: dict[str, list[str]] = {}
    for text in access.worse_slices or ():
        metric, _, rest = text.partition(":")
        slicing, _, label = rest.partition(":")
        name = f"{escape_data(name_slicing(slicing))}: {escape_data(label)}"
        found.setdefault(name, []).append(f"{escape_text(name_measure(metric))} ({escape_text(metric)})")
    return found


def _summarize_decision(content: ReportContent) -> str:
    decision = content.decision
    last = decision.promotions[-1] if decision.promotions else None
    if decision.is_in_use and last is not None:
        return f"{escape_data(last.reference)} is in use since {last.at:%Y-%m-%d}. {_describe_people(last)}"
    other = decision.in_use
    now = f"In use now: {escape_data(other.reference)}, since {other.at:%Y-%m-%d}." if other is not None else ""
    if last is not None:
        return f"The model was in use from {last.at:%Y-%m-%d}, but not any more. {now}"
    name = "The model of this run" if content.kind == "run" else content.name
    saved = " as a saved profile" if content.kind == "run" else ""
    return f"{escape_data(_start_sentence(name))} was never put into use{saved}. {now}"


def _describe_people(promotion: Promotion) -> str:
    if not isinstance(promotion, StoredPromotion) or promotion.approved_by is None:
        return "The names of the people who decided are not recorded."
    approved = escape_data(promotion.approved_by)
    if promotion.requested_by is None:
        return f"Promoted by {approved}."
    return f"Requested by {escape_data(promotion.requested_by)}, approved by {approved}."


def _join_measures(names: Iterable[str]) -> str:
    return ", ".join(f"{name_measure(name)} ({escape_text(name)})" for name in names)


def _render_change_chart(content: ReportContent) -> str:
    """Return the relative changes of all measures on test users, or of the lists without a test."""
    evidence, access = content.evidence, content.access
    if _is_same_model(content) and (content.lists is None or content.lists.is_same):
        return ""
    if evidence is not None and access is not None and content.is_change_tested and not _is_same_model(content):
        rows = {name: _make_chart_row(evidence, name, change) for name, change in access.changes.items()}
        note = "Point: change. Line: likely range. An empty point may be chance."
    elif content.lists is not None and not content.lists.is_same:
        rows = {
            row["measure"]: ChartRow(
                name_measure(row["measure"]),
                row["relative"],
                math.nan,
                math.nan,
                _find_direction(row["measure"], row["relative"]),
                True,
            )
            for row in content.lists.measures.to_dict("records")
            if not math.isnan(row["relative"])
        }
        note = "These changes were not tested."
    else:
        return ""
    reach = find_reach(rows.values())
    sides = (
        ("chosen", "Jobs that users choose", [row for name, row in rows.items() if not is_list_measure(name)]),
        ("properties", "Properties of the lists", [row for name, row in rows.items() if is_list_measure(name)]),
    )
    drawings = "".join(
        f"<figure><figcaption><b>{title}</b></figcaption>{draw_changes(side, f'{slug}-change', title, reach)}</figure>"
        for slug, title, side in sides
        if side
    )
    legend = f"Changes as shares of the earlier value. {note} Blue is better, orange is worse, grey is neither."
    return f'<div class="pair">{drawings}</div><p class="muted">{legend}</p>'


def _make_chart_row(evidence: TestResult, name: str, change: Change) -> ChartRow:
    relative = math.inf if change.relative is None else change.relative
    scale = abs(relative / change.difference) if change.difference and math.isfinite(relative) else math.nan
    low, high = (math.nan if end is None else end * scale for end in (change.low, change.high))
    direction = {True: "good", False: "bad", None: "neutral"}[change.is_good]
    return ChartRow(name_measure(name), relative, low, high, direction, evidence.is_significant(name))  # type: ignore[arg-type]


def _find_direction(measure: str, change: float) -> Direction:
    gain = find_good_sign(measure) * change
    return "good" if gain > 0 else "bad" if gain < 0 else "neutral"


# Details


def _render_model_change(content: ReportContent) -> str:
    diff, baseline = content.diff, content.baseline
    text = (
        "<p>The model gives each job a score for each user, from 0 to 100. The score is the sum of several parts. The "
        "weight of a part is its share of the score. Each user gets the jobs with the highest scores.</p>"
    )
    if diff is None or baseline is None:
        unknown = "The earlier model is not known, so that weights cannot be compared."
        return text + f"<p>{unknown}</p>" + ("" if content.model is None else _render_weights_of(content))
    text += f"<p>Compared with {escape_data(baseline.name)}. {escape_text(baseline.reason)}</p>"
    if diff.is_same:
        return text + "<p>Weights, settings and rules are the same.</p>" + _render_weights_of(content)
    components = {(part.group, part.name): part.component for model in (diff.a, diff.b) for part in model.parts}
    weights = diff.weights()
    largest = float(weights[["a", "b"]].max().max())
    rows = []
    for row in weights.to_dict("records"):
        first, second = (0.0 if math.isnan(row[side]) else row[side] for side in ("a", "b"))
        name = f"{row['component']}: {100 * first:.1f}% before, {100 * second:.1f}% after"
        rows.append(
            [
                f"{escape_data(row['component'])}"
                f"<small>{escape_text(describe_component(components[row['group'], row['component']]))}</small>",
                f"{100 * first:.1f}%",
                f"{100 * second:.1f}%",
                set_minus_signs(f"{100 * row['change']:+.1f}"),
                draw_pair_bar(first, second, largest, name),
            ]
        )
    columns = [Column("part"), Column("before", True), Column("after", True), Column("points", True), Column("")]
    caption = "Weights as shares of the score. Grey bar: before. Blue bar: after. points: change in percentage points."
    return text + render_table(columns, rows, caption) + _render_settings(diff.settings().to_dict("records"))


def _render_weights_of(content: ReportContent) -> str:
    model = content.model
    if model is None:
        return ""
    largest = float(model.flat_weights.max())
    rows = [
        [
            f"{escape_data(part.name)}<small>{escape_text(describe_component(part.component))}</small>",
            f"{100 * weight:.1f}%",
            draw_pair_bar(None, weight, largest, f"{part.name}: {100 * weight:.1f}%"),
        ]
        for part, weight in zip(model.parts, model.flat_weights.tolist(), strict=True)
    ]
    return render_table([Column("part"), Column("weight", True), Column("")], rows, "Weights as shares of the score.")


def _render_settings(settings: list[dict[Any, Any]]) -> str:
    if not settings:
        return "<p>Parameters of the parts and rules did not change.</p>"
    rows = [
        [
            f"{escape_data(row['name'])}<small>{escape_text(row['what'])}</small>",
            *(escape_data("–" if row[side] is None else _format_setting(row[side])) for side in ("a", "b")),
        ]
        for row in settings
    ]
    caption = "Parameters of the parts, and rules that exclude jobs."
    return render_table([Column("setting"), Column("before"), Column("after")], rows, caption)


def _format_setting(value: Any) -> str:
    return value if isinstance(value, str) else set_minus_signs(format_setting(value))


def _render_test(content: ReportContent) -> str:
    evidence, access = content.evidence, content.access
    if evidence is None:
        return (
            "<p>No saved profile contains this model, so that no test of it is recorded. It is not known whether users "
            "choose more of the jobs that it shows.</p>"
        )
    if access is None:
        return (
            "<p><b>This model was never tested on users who were kept for a test.</b> Nothing on this page shows "
            "whether users choose more of the jobs that it shows.</p>"
        )
    head = _describe_test(evidence, access)
    if access.changes and not content.is_change_tested:
        head = (
            "<p><b>The test compares the model with another one than this report does.</b> “Before” is that model in "
            f"the tables of the test.</p>{head}"
        )
    if not access.changes:
        return f"{head}<p>The test does not compare the model with another one.</p>"
    names = [name for name in access.changes if not is_list_measure(name)]
    caption = "Measures of the jobs that users chose later."
    return head + _render_measures(content, evidence, access, names, caption)


def _describe_test(evidence: TestResult, access: TestAccess) -> str:
    users = "an unknown number of users" if access.n_users is None else pluralize(access.n_users, "user")
    split = {
        "train": "These users are for the search for weights.",
        "validation": "These users are for the selection of a model.",
        "test": "These users were kept for tests.",
        "all": "They include users of the search for weights.",
    }[access.split]
    facts = [
        f"{access.at:%Y-%m-%d}: {users}. {split}",
        "The last actions of these users were hidden. The model ranked the jobs as of the time before them. A job "
        "counts as <b>chosen</b> if the user then applied to it (or acted on it in another way that the test counts).",
    ]
    if access.held_out is not None:
        facts.append(f"Hidden actions: {escape_data(access.held_out)}.")
    if access.n_cuts is not None:
        facts.append(
            f"The test was repeated for {pluralize(access.n_cuts, 'period')}. The figures are over all periods."
        )
    if access.baseline is not None:
        facts.append(f"Compared with: {escape_data(access.baseline)}.")
    if access.n_fitted_users:
        count = "All" if _fitted_all(access) else f"{access.n_fitted_users:,}"
        facts.append(f"<b>{count} of these users were also used to find the weights.</b> Results are too good.")
    elif access.n_fitted_users == 0:
        facts.append("None of these users was used to find the weights.")
    if evidence.goals:
        facts.append(f"Goal that was stated before the test: {_join_measures(evidence.goals)}.")
    else:
        facts.append("No goal was stated before the test.")
    if evidence.n_looks is not None:
        facts.append(
            f"{pluralize(evidence.n_looks, 'test')} on these users so far, including this one. Each further test makes "
            "a lucky result more likely."
        )
    return render_list(facts)


def _render_measures(
    content: ReportContent, evidence: TestResult, access: TestAccess, names: list[str], caption: str
) -> str:
    if not names:
        return ""
    rows = []
    for name in names:
        change, before = access.changes[name], content.baseline_values.get(name, math.nan)
        is_large = is_price(name, change.relative or 0.0)
        likely = "–"
        if change.low is not None and change.high is not None:
            likely = f"{format_value(change.low)} to {format_value(change.high)}"
        good = {1: "higher is better", -1: "lower is better", 0: "no good direction"}[find_good_sign(name)]
        unit = find_measure(name, evidence.currency).unit
        unit_text = f", {unit}" if unit else ""
        rows.append(
            [
                f"{name_measure(name)}<small>{escape_text(name)}{escape_text(unit_text)}; {good}</small>",
                format_value(before),
                format_value(access.metrics[name].value),
                f'<span class="{_classify(change.is_good) if evidence.is_significant(name) or is_large else ""}">'
                f"{_format_size(change)}{' !' if is_large else ''}</span>",
                likely,
                _format_verdict(evidence, name, change),
            ]
        )
    columns = [
        Column("measure"),
        Column("before", True),
        Column("after", True),
        Column("change", True),
        Column("likely range", True),
        Column("result"),
    ]
    marked = f" ! worse by more than {PRICE_SHARE:.0%}." if any(" !" in row[3] for row in rows) else ""
    return render_table(columns, rows, caption + marked, wide=True)


def _format_verdict(evidence: TestResult, name: str, change: Change) -> str:
    role = " (goal)" if name in evidence.goals else ""
    if not change.has_test:
        return f"no test{role}"
    if not evidence.is_significant(name):
        return f"may be chance{role}"
    word = {True: "better", False: "worse", None: "changed"}[change.is_good]
    return f'<span class="{_classify(change.is_good)}">{word}</span>{role}'


def _render_costs(content: ReportContent) -> str:
    evidence, access = content.evidence, content.access
    text = (
        "<p>A model that shows more of what users choose may show jobs with lower fees or wages, or fewer kinds of "
        "jobs. These are properties of the lists. They are the price of a gain.</p>"
    )
    if evidence is not None and access is not None and access.changes:
        names = [name for name in access.changes if is_list_measure(name)]
        against = make_printable(access.baseline or "another model")
        caption = f"Properties of the lists of the test users, compared with {against}."
        text += _render_measures(content, evidence, access, names, caption)
    lists = content.lists
    if lists is None:
        return text
    if content.kind == "evaluation" and access is not None and access.changes and access.n_users == lists.n_users:
        return text  # the table above is about the same lists
    rows = []
    for row in lists.measures.to_dict("records"):
        if math.isnan(row["before"]):
            continue
        name, is_large = row["measure"], is_price(row["measure"], row["relative"])
        unit = find_measure(name, lists.currency).unit
        unit_text = f", {unit}" if unit else ""
        direction = _find_direction(name, row["difference"]) if is_large else ""
        rows.append(
            [
                f"{name_measure(name)}<small>{escape_text(name)}{escape_text(unit_text)}</small>",
                format_value(row["before"]),
                format_value(row["after"]),
                f'<span class="{direction}">{format_value(row["difference"], "+")} '
                f"({_format_relative(row['relative'])}){' !' if is_large else ''}</span>",
            ]
        )
    columns = [Column("measure"), Column("before", True), Column("after", True), Column("change", True)]
    caption = (
        f"Properties of the lists of all {pluralize(lists.n_users, 'user')}, as of {lists.as_of:%Y-%m-%d}. "
        "These changes were not tested."
    )
    return text + render_table(columns, rows, caption)


def _format_relative(relative: float) -> str:
    return set_minus_signs(f"{100 * relative:+.0f}%") if math.isfinite(relative) else "from 0"


def _render_groups(content: ReportContent) -> str:
    access, lists = content.access, content.lists
    parts = ["<p>An average can rise while a group of users loses.</p>"]
    if access is None or access.worse_slices is None:
        parts.append("<p>It was not tested whether a group of users is worse off.</p>")
    else:
        tested = ""
        if access.n_slices is not None and access.n_tested_slices is not None:
            tested = (
                f" {access.n_tested_slices:,} of {pluralize(access.n_slices, 'group')} have enough users for a test."
            )
        if access.worse_slices:
            parts.append(f"<p>Groups that are clearly worse off in the test:{tested}</p>")
            worse = _collect_worse_slices(access)
            parts.append(render_list(f"<b>{name}</b>: worse {', '.join(measures)}" for name, measures in worse.items()))
        elif access.n_tested_slices != 0:
            parts.append(f"<p>In the test, no group of users is clearly worse off than before.{tested}</p>")
        else:
            parts.append("<p>No group had enough users for a test. At least 30 are needed.</p>")
    parts.append(_render_slices(content))
    if lists is not None and not lists.is_same and len(lists.groups):
        rows = [
            [
                f"{escape_data(row['slice'])}<small>{escape_data(name_slicing(row['slicing']))}</small>",
                f"{row['n']:,}",
                f"{row['overlap']:.0%}",
                f"{row['first_changed']:.0%}",
            ]
            for row in lists.groups.to_dict("records")
        ]
        columns = [Column("group"), Column("users", True), Column("jobs kept", True), Column("other first job", True)]
        small = (
            f" {pluralize(lists.n_small_groups, 'group')} with fewer than 30 users left out."
            if lists.n_small_groups
            else ""
        )
        parts.append(render_table(columns, rows, f"How much the lists of each group change.{small}"))
    return "".join(parts)


def _render_slices(content: ReportContent) -> str:
    """Return the differences of the first measure by group, for groups with a test."""
    evidence, access = content.evidence, content.access
    headline = None if evidence is None or access is None else _find_headline(evidence, access)
    found = [part.metric for part in content.slices]
    metric = headline if headline in found else next(iter(found), None)
    rows = [
        [
            f"{escape_data(part.slice)}<small>{escape_data(name_slicing(part.slicing))}</small>",
            f"{part.n:,}",
            *(format_value(math.nan if value is None else value) for value in (part.mean_a, part.mean_b)),
            format_value(math.nan if part.difference is None else part.difference, "+"),
            "–" if part.low is None or part.high is None else f"{format_value(part.low)} to {format_value(part.high)}",
            _format_slice_verdict(part),
        ]
        for part in content.slices
        if part.metric == metric
    ]
    if not rows or metric is None:
        return ""
    names = ("users", "before", "after", "change", "likely range")
    columns = [Column("group"), *(Column(name, True) for name in names), Column("result")]
    name = name_measure(metric)
    return render_table(columns, rows, f"{name[:1].upper()}{name[1:]} ({metric}) by group, in the test.", wide=True)


def _format_slice_verdict(part: SavedSlice) -> str:
    if part.worse:
        return '<span class="bad">worse</span>'
    return '<span class="good">better</span>' if part.better else "may be chance"


def _render_list_changes(content: ReportContent) -> str:
    lists = content.lists
    if lists is None:
        return f"<p>The lists were not compared. {escape_text(content.lists_problem, 500)}</p>"
    parts = [f"<p>{_summarize_lists(lists, '')} The lists have up to {pluralize(lists.length, 'job')}.</p>"]
    if lists.is_same:
        return parts[0]
    title = "Users by the share of their jobs that stay in the list"
    parts.append(
        f"<figure>{draw_histogram(lists.histogram, 'kept', title)}<figcaption>{title}. Left: none stay; right: all "
        "stay.</figcaption></figure>"
    )
    for table in lists.exposure:
        gains, losses = table.select_gains(), table.select_losses()
        parts.append(f"<h3>Winners and losers: {escape_text(table.plural)}</h3>")
        if gains.empty and losses.empty:
            parts.append("<p>None gains or loses places.</p>")
            continue
        largest = float(max(gains["change"].max() if len(gains) else 0, -losses["change"].min() if len(losses) else 0))
        rows = [
            [
                escape_data(row["name"], 80),
                f"{row['places_before']:,}",
                f"{row['places_after']:,}",
                f'<span class="{"good" if row["change"] > 0 else "bad"}">{format_count(row["change"])}</span>',
                draw_change_bar(
                    row["change"],
                    largest,
                    f"{make_printable(row['name'], 80)}: {format_count(row['change'])} places",
                ),
            ]
            for frame in (gains, losses)
            for row in frame.to_dict("records")
        ]
        columns = [
            Column(table.label),
            Column("before", True),
            Column("after", True),
            Column("change", True),
            Column(""),
        ]
        caption = "Places in all lists. One job in the list of one user is one place."
        parts.append(render_table(columns, rows, caption))
    return "".join(parts)


def _render_examples(content: ReportContent) -> str:
    lists = content.lists
    if lists is None:
        return f"<p>There are no examples. {escape_text(content.lists_problem, 500)}</p>"
    if lists.is_same:
        return "<p>There are no examples, because no list changed.</p>"
    if not lists.examples:
        return "<p>No user has jobs in both lists.</p>"
    text = (
        "<p>Users are ordered by the share of their jobs that stay. The examples are at fixed positions of this order; "
        "they were not picked by a person. Names, ids, age and gender are left out.</p>"
    )
    return text + "".join(_render_example(number, example) for number, example in enumerate(lists.examples, 1))


def _render_example(number: int, example: ExampleUser) -> str:
    facts = f"<p>{' · '.join(escape_data(fact, 300) for fact in example.facts)}</p>"
    sides = [
        ("Before", example.before, _describe_fate),
        ("After", example.after, _describe_origin),
    ]
    tables = []
    for title, jobs, describe in sides:
        rows = [
            [
                str(job.rank),
                f"{escape_data(job.title, 90)}<small>{escape_data(_join_place(job), 120)}</small>",
                describe(job),
            ]
            for job in jobs
        ]
        columns = [Column("rank"), Column("job"), Column("after" if title == "Before" else "before")]
        caption = f"{title}: first {pluralize(len(jobs), 'job')}"
        tables.append(f"<div>{render_table(columns, rows, caption)}</div>")
    return (
        f'<div class="example"><h3>Example {number}</h3><p>{escape_text(example.reason)} This user keeps '
        f'{example.overlap:.0%}.</p>{facts}<div class="pair">{"".join(tables)}</div></div>'
    )


def _join_place(job: ExampleJob) -> str:
    return " · ".join(text for text in (job.company, job.place) if text)


def _describe_fate(job: ExampleJob) -> str:
    return "not in the list" if job.other_rank is None else f"rank {job.other_rank}"


def _describe_origin(job: ExampleJob) -> str:
    return "new" if job.other_rank is None else f"rank {job.other_rank}"


def _render_run(content: ReportContent) -> str:
    run = content.run
    if run is None:
        return ""
    counts = run.counts
    facts = [
        f"Made on {run.created_at:%Y-%m-%d %H:%M} UTC from the data as of {run.as_of:%Y-%m-%d %H:%M} UTC.",
        "Readers get the lists of this run." if run.is_latest else "Readers get the lists of another run.",
        f"{pluralize(counts['users_scored'], 'user')} got up to {pluralize(run.k, 'job')} each, of "
        f"{pluralize(counts['jobs_ranked'], 'open job')}.",
        "No earlier run is recorded."
        if run.replaced is None
        else f"It was compared with run {escape_data(run.replaced)}.",
    ]
    return render_list(facts) + _summarize_gate(run)


def _summarize_gate(run: RunFacts) -> str:
    """Return the result of the checks, and those whose limit is exceeded."""
    gate = run.gate
    if gate is None:
        return "<p>The run was not checked against an earlier one before it was published.</p>"
    notes = render_list(escape_data(set_minus_signs(note), 1_000) for note in gate["notes"])
    measures = list(gate["measures"].values())
    if not measures:
        return f"<p>There was no earlier run to check against.</p>{notes}"
    exceeded = [measure for measure in measures if measure["beyond"]]
    n_limits = sum(measure["limit"] is not None for measure in measures)
    if not exceeded:
        text = (
            f"<p>{pluralize(n_limits, 'check')} with a limit compared the run with the earlier one. All were kept.</p>"
        )
        return text + notes
    forced = ""
    if run.is_forced:
        forced = (
            '<div class="warning"><p>A limit was exceeded, and the run was published anyway. Reason: '
            f"{escape_data(gate.get('reason'), 4_000)}</p></div>"
        )
    caption = f"Exceeded limits, of {n_limits}. Values: earlier run → this run (limit)."
    return forced + _render_checks(exceeded, caption) + notes


def _render_all_checks(content: ReportContent) -> str:
    gate = None if content.run is None else content.run.gate
    if gate is None or not gate["measures"]:
        return ""
    caption = "Checks before the run was published. Values: earlier run → this run (limit)."
    return _render_checks(gate["measures"].values(), caption)


def _render_checks(measures: Iterable[Mapping[str, Any]], caption: str) -> str:
    rows = []
    for measure in measures:
        by_earlier = "<small>new data, ranked by the earlier model</small>" if measure["as_before"] else ""
        shown = measure["shown"].removeprefix(measure["name"]).removeprefix(BY_PUBLISHED_MODEL).strip()
        shown = escape_text(set_minus_signs(shown))
        result = '<span class="bad">limit exceeded</span>' if measure["beyond"] else "within the limit"
        is_limited = measure["limit"] is not None
        rows.append([escape_text(measure["name"]) + by_earlier, shown, result if is_limited else "–"])
    return render_table([Column("check"), Column("values"), Column("result")], rows, caption)


def _render_limits(content: ReportContent) -> str:
    items = []
    access, lists = content.access, content.lists
    if access is not None:
        items += [
            "The test looks back: it counts jobs that users chose when they saw other lists. Users could not choose a "
            "job that was not shown to them. Only a trial with live users shows what they do with the new lists.",
            "A test hides actions. It does not restore the descriptions of users and jobs, which are as of today. If "
            "they were edited after the hidden actions, results are too good.",
            f"The likely range contains the true change in {_format_level(content)}. “May be chance” does not mean "
            "that nothing changed.",
        ]
        if access.n_users is not None and access.n_users < 120:
            items.append(f"With {pluralize(access.n_users, 'user')}, likely ranges are too narrow. 120 are enough.")
    items += [escape_text(set_minus_signs(note), 600) for note in content.notes]
    if lists is not None:
        items.append(
            "Winners, losers and examples compare lists, not their effect. A company with more places does not "
            "necessarily get more applications."
        )
        if content.kind == "run" and content.diff is not None and content.diff.is_same:
            items.append("The model did not change. Jobs that expired or were posted explain the differences.")
        elif content.kind == "run":
            items.append("The runs are of different times. A part of the differences comes from new and expired jobs.")
    items.append("Nothing on this page considers how users would behave in the long run, or how companies would react.")
    return render_list(items)


def _format_level(content: ReportContent) -> str:
    if content.level is None:
        return "95 of 100 tests, unless another level was chosen for the test"
    return f"{100 * content.level:g} of 100 tests"


def _render_decision(content: ReportContent) -> str:
    decision, profile = content.decision, content.profile
    parts = [f"<p>{_summarize_decision(content)}</p>"]
    for entry in reversed(decision.promotions):
        word = "Put into use" if entry.action == "promote" else "Put back into use"
        people = f" {_describe_people(entry)}" if entry.action == "promote" else ""
        parts.append(f"<p><b>{entry.at:%Y-%m-%d %H:%M} UTC: {word}.</b>{people}</p>")
        note = render_paragraphs(entry.note) if entry.note else "<p>No reason is recorded.</p>"
        parts.append(f'<div class="quote">{note}</div>')
    if profile is None:
        return "".join(parts)
    about = profile.metadata
    facts: list[tuple[str, str]] = [
        ("profile", escape_data(about.reference)),
        (
            "saved",
            f"{about.saved_at:%Y-%m-%d %H:%M} UTC" + (f" by {escape_data(about.author)}" if about.author else ""),
        ),
        ("derived from", "–" if about.parent is None else escape_data(about.parent)),
        ("tuned on", "–" if about.found_on is None else f"data as of {about.found_on.as_of:%Y-%m-%d %H:%M} UTC"),
        ("code version", escape_data(about.code_version)),
        ("digest of the model", f"<code>{escape_text(about.digest)}</code>"),
    ]
    parts.append("<h3>Model card</h3>")
    if about.note:
        parts.append(f'<div class="quote">{render_paragraphs(about.note)}</div>')
    parts.append(render_table([Column("fact"), Column("value")], [list(row) for row in facts], "Facts of the profile."))
    return "".join(parts) + _render_saved_metrics(profile)


def _render_saved_metrics(profile: Profile) -> str:
    """Return one row per measure with its values on the users of each step."""
    metrics = profile.metadata.metrics
    if not metrics:
        return ""
    words = {"train": "search", "validation": "selection", "test": "test"}
    rows = [
        [
            f"{name_measure(name)}<small>{escape_text(name)}</small>",
            *(_format_saved(of_split.get(name)) for of_split in metrics.values()),
        ]
        for name in dict.fromkeys(name for of_split in metrics.values() for name in of_split)
    ]
    columns = [Column("measure"), *(Column(f"{words[split]} users", True) for split in metrics)]
    caption = (
        "Values that were saved with the profile, with likely ranges. Values of search and selection users are too "
        "good, because the weights were fitted to these users."
    )
    return render_table(columns, rows, caption)


def _format_saved(metric: Metric | None) -> str:
    if metric is None:
        return "–"
    if metric.low is None or metric.high is None:
        return format_value(metric.value)
    return f"{format_value(metric.value)}<small>{format_value(metric.low)} to {format_value(metric.high)}</small>"


def _render_words(content: ReportContent) -> str:
    names = dict.fromkeys([] if content.access is None else content.access.changes)
    if content.lists is not None:
        names |= dict.fromkeys(content.lists.measures["measure"])
    if content.profile is not None:
        names |= dict.fromkeys(name for metrics in content.profile.metadata.metrics.values() for name in metrics)
    rows = [
        [f"{name_measure(name)}<small>{escape_text(name)}</small>", escape_text(describe_measure(name), 600)]
        for name in names
    ]
    words: Mapping[str, str] = {
        "chosen": "A job that the user applied to in the hidden time of a test.",
        "list": "The jobs that a user is shown, best first.",
        "place": "One job in the list of one user.",
        "model": "The rules and weights that turn facts about users and jobs into a score.",
        "profile": "A saved model. NAME@3 is its third version.",
        "likely range": f"The range that contains the true change in {_format_level(content)} (confidence interval).",
        "may be chance": "With so many measures, a difference of this size also occurs if nothing changed.",
    }
    parts = [render_table([Column("word"), Column("meaning")], [list(row) for row in words.items()], "Words.")]
    if rows:
        caption = "Measures. @10 means that the first 10 jobs of each list count."
        parts.append(render_table([Column("measure"), Column("meaning")], rows, caption))
    return "".join(parts)


SECTIONS: Final = (
    ("run", "The run", _render_run, True),
    ("change", "What changed in the model", _render_model_change, True),
    ("test", "The test: do users choose more of the shown jobs?", _render_test, True),
    ("price", "The price", _render_costs, False),
    ("groups", "Groups of users", _render_groups, False),
    ("lists", "Winners and losers", _render_list_changes, True),
    ("examples", "Three example users", _render_examples, True),
    ("limits", "What this page does not show", _render_limits, False),
    ("decision", "Who decided, and why", _render_decision, False),
    ("checks", "All checks of the run", _render_all_checks, True),
    ("words", "Words and measures", _render_words, True),
)
"""Anchor, heading, function, and whether a printed section begins on a new page. Empty sections are left out."""
