"""The questions that the site's search is checked with."""

from __future__ import annotations

from pathlib import Path

import pytest
import search_questions

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("question", search_questions.read_questions(), ids=lambda question: question.text)
def test_pages_that_answer_a_question_exist(question: search_questions.Question) -> None:
    assert question.pages
    assert [page for page in question.pages if not (ROOT / f"{page}.md").is_file()] == []


def test_rank_is_that_of_the_first_page_that_answers() -> None:
    question = search_questions.Question("what is a holdout", ("docs/glossary", "docs/questions"))
    links = ["docs/commands.html#scoring-tune", "docs/glossary.html?highlight=x#holdout", "docs/questions.html"]
    assert search_questions.find_rank(question, links) == 2
    assert search_questions.find_rank(question, links[:1]) is None
