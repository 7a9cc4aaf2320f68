"""The index of the site's search counts the words of sections."""

from __future__ import annotations

import section_index
from section_index import Section


def test_words_of_names_count_as_a_whole_and_in_parts() -> None:
    assert section_index.split_words("Set max_per_company: 3.") == [
        "set", "max_per_company", "3", "max", "per", "company",
    ]  # fmt: skip


def test_index_has_the_sections_of_each_word() -> None:
    pages = {"a": ("Runs", [Section("", "Runs", "Two runs"), Section("#x", "Gate", "a run")]), "b": ("Rules", [])}
    index = section_index.make_index(pages, lambda word: word.removesuffix("s"))
    assert index["pages"] == [["a", "Runs"], ["b", "Rules"]]
    assert index["sections"] == [[0, "", "Runs", 2], [0, "#x", "Gate", 2]]
    title, page_title = section_index.TITLE_WEIGHT, section_index.PAGE_TITLE_WEIGHT
    assert index["words"]["run"] == [0, title + 1, 1, page_title + 1]
    assert index["words"]["gate"] == [1, title]
