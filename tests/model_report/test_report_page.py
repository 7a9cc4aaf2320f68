"""The page of a report: one file, the same bytes, escaped text, and the numbers of the commands' tables."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scoring.errors import OutputError
from scoring.model_report import ReportContent, render_report_page, write_report_page
from scoring.model_report.list_changes import ListChanges
from scoring.model_report.page_sections import SECTIONS
from scoring.model_report.report_content import Decision
from tests.cli.golden import pages
from tests.model_report.content_maker import make_content
from tests.model_report.page_reader import PageReader

ATTACKS = ("<script>alert(1)</script>", "]]>", "\u202eoverride", '"><img src=x onerror=alert(1)>', "http://a.b/?c=1&d")


@pytest.fixture(scope="module")
def content() -> ReportContent:
    return make_content()


def read(content: ReportContent) -> PageReader:
    return PageReader.of(render_report_page(content))


def test_page_is_one_small_file_with_the_same_bytes(content: ReportContent) -> None:
    page = render_report_page(content)
    assert page == render_report_page(replace(content, lists=ListChanges.of(pages.make_comparison())))
    assert len(page.encode()) < 100_000
    reader = PageReader.of(page)
    assert reader.references == []
    assert not reader.tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "audio", "video"}
    assert re.findall(r"url\(|@import|https?://", page) == []
    assert reader.unclosed == []
    assert reader.policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_page_has_all_sections_and_unique_anchors(content: ReportContent) -> None:
    reader = read(content)
    anchors = ["summary", *(anchor for anchor, *_ in SECTIONS if anchor not in ("run", "checks"))]
    assert [one for one in reader.ids if one in anchors] == anchors
    assert reader.links == anchors
    assert len(set(reader.ids)) == len(reader.ids)


def test_each_drawing_has_a_title_and_a_text(content: ReportContent) -> None:
    page = render_report_page(content)
    drawings = re.findall(r"<svg.*?</svg>", page)
    assert len(drawings) > 10
    for drawing in drawings:
        assert 'role="img"' in drawing
        assert re.search(r"<title[^>]*>[^<]+</title>", drawing)
        assert re.search(r'aria-label="[^"]+"', drawing) or re.search(r"<desc[^>]*>[^<]+</desc>", drawing)


def test_numbers_equal_the_printed_tables(content: ReportContent) -> None:
    """The golden tables of `profiles promote` and `compare` are of the same evidence and lists."""
    page = read(content)
    evidence = (pages.FOLDER / "profiles_evidence.txt").read_text("utf-8")
    for name in ("NDCG@10", "HitRate@40", "mean fee@40", "mean wage@40", "coverage@40"):
        line = next(line for line in evidence.splitlines() if line.startswith(name))
        cells = re.findall(r"[-+]?[\d,]*\.?\d+%?", line.removeprefix(name).split("may be")[0])
        cells = [cell.replace("-", "−") for cell in cells]
        assert re.findall(r"[−+]?[\d,]*\.?\d+%?", " ".join(page.find_row(name, cells[0])[2:5])) == cells
    compared = (pages.FOLDER / "compare.txt").read_text("utf-8")
    for name in ("mean fee@4 ", "miscalibration@4 ", "popularity bias@4 "):
        line = next(line for line in compared.splitlines() if line.startswith(name))
        before, change = re.findall(r"[-+]?\d+\.\d+(?: \([-+]\d+%\))?", line.removeprefix(name))
        row = page.find_row(name.strip(), before)
        assert row[1] == before
        assert row[3].removesuffix(" !") == change.replace("-", "−")
    assert page.find_row("ひかりフーズ", "+1")[1:4] == ["0", "1", "+1"]
    assert page.find_row("株式会社グリ", "−1")[1:4] == ["1", "0", "−1"]
    assert page.find_row("fee", "10.0%")[1:4] == ["10.0%", "24.0%", "+14.0"]


def test_summary_states_loss_price_objections_and_people(content: ReportContent) -> None:
    text = read(content).text
    for part in (
        "users choose fewer of the shown jobs",
        "the quality of the order (NDCG@10) got worse: −0.140 (−29%), likely between −0.203 and −0.075.",
        "fee per shown job −2,358 yen (−59%)",
        "−0.070 × area mean (−6%)",
        "The declared goal NDCG@10 is significantly worse",
        "12 of these users were also used to find the weights.",
        "Requested by Sato, approved by Ito.",
        "Fee falls.",
        "In use",
    ):
        assert part in text


def test_negative_numbers_have_a_minus_sign(content: ReportContent) -> None:
    """Hyphens remain in words, ids and dates."""
    page = render_report_page(content)
    assert re.findall(r"(?<![\w-])-\.?\d[^<]{0,20}", page.partition("</style>")[2]) == []
    assert "2026-01-05" in page


def test_evaluation_of_the_listed_users_shows_properties_once(content: ReportContent) -> None:
    """The page of the panel is about the train users: their lists have one table, and all of them found the weights."""
    assert content.evidence is not None
    assert content.evidence.access is not None
    assert content.lists is not None
    users = {"split": "train", "n_users": content.lists.n_users, "n_fitted_users": content.lists.n_users}
    access = content.evidence.access.model_copy(update=users)
    text = read(replace(content, kind="evaluation", evidence=replace(content.evidence, access=access))).text
    assert "all of its users also served to find the weights" in text
    assert "All of these users were also used to find the weights." in text
    assert "Properties of the lists of all" in read(content).text
    assert "Properties of the lists of all" not in text


def test_missing_evidence_and_lists_are_stated(content: ReportContent) -> None:
    assert content.evidence is not None
    missing = replace(content.evidence, access=None)
    lone = replace(
        content,
        evidence=missing,
        doubts=("never evaluated",),
        lists=None,
        lists_problem="No database.",
        baseline_values={},
    )
    text = read(lone).text
    assert "It is not known whether users choose more of the shown jobs" in text
    assert "This model was never tested on users who were kept for a test." in text
    assert text.count("No database.") == 3
    assert read(replace(lone, evidence=None, profile=None, decision=Decision((), None, False))).unclosed == []


def test_test_of_another_change_is_not_a_result(content: ReportContent) -> None:
    """A run is compared with the replaced run. The evaluation of its model may be against another one."""
    assert content.evidence is not None
    assert content.evidence.access is not None
    assert content.baseline is not None
    assert content.baseline.model is not None
    access = content.evidence.access.model_copy(update={"baseline_digest": "f" * 32, "baseline": "day@1"})
    other = replace(content, evidence=replace(content.evidence, access=access))
    text = read(other).text
    assert "It is not known whether users choose more of the shown jobs: this change was not tested." in text
    assert "The model was tested, but against day@1: see below." in text
    assert "The test compares the model with another one than this report does." in text
    assert "Worse by more than 10%: preference for popular jobs +12%." in text
    same = replace(other, baseline=replace(content.baseline, model=content.model))
    text = read(same).text
    assert "The model is the same as before." in text
    assert "Nothing: the model did not change." in text
    assert "fee per shown job -2,358 yen" not in text


def test_page_names_who_promoted(content: ReportContent) -> None:
    (promotion,) = content.decision.promotions
    texts = {
        ("Sato", "Ito"): "Requested by Sato, approved by Ito.",
        (None, "Ito"): "Promoted by Ito.",
        (None, None): "The names of the people who decided are not recorded.",
    }
    for (requested, approved), sentence in texts.items():
        decided = promotion.model_copy(update={"requested_by": requested, "approved_by": approved})
        assert sentence in read(replace(content, decision=Decision((decided,), decided, True))).text


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_of_people_and_data_is_escaped(content: ReportContent, attack: str) -> None:
    assert content.profile is not None
    assert content.lists is not None
    metadata = content.profile.metadata.model_copy(update={"note": attack, "author": attack})
    promotion = content.decision.promotions[0].model_copy(
        update={"note": attack, "requested_by": attack, "approved_by": attack}
    )
    example = content.lists.examples[0]
    job = replace(example.before[0], title=attack, company=attack, place=attack)
    example = replace(example, before=(job,), facts=(attack,))
    exposure = tuple(replace(table, changes=table.changes.assign(name=attack)) for table in content.lists.exposure)
    hostile = replace(
        content,
        name=attack,
        profile=replace(content.profile, metadata=metadata),
        decision=Decision((promotion,), promotion, True),
        lists=replace(content.lists, examples=(example,), exposure=exposure, groups=content.lists.groups),
        lists_problem=attack,
    )
    page = render_report_page(hostile)
    reader = PageReader.of(page)
    assert reader.tags == read(content).tags
    assert reader.references == []
    assert reader.unclosed == []
    assert "\u202e" not in page
    assert attack.replace("\u202e", " ") in html.unescape(page)


def test_file_is_replaced_only_if_it_is_a_report(content: ReportContent, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    size = write_report_page(path, content)
    assert path.stat().st_size == size
    assert write_report_page(path, replace(content, name="night@3")) == size
    assert "night@3" in path.read_text("utf-8")
    other = tmp_path / "market.db"
    other.write_bytes(b"SQLite")
    for wrong in (other, tmp_path, tmp_path / "missing" / "report.html"):
        with pytest.raises(OutputError) as error:
            write_report_page(wrong, content)
        assert error.value.path == str(wrong)
    assert other.read_bytes() == b"SQLite"
