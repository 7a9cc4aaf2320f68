"""Search of users and jobs by text."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from scoring import Dataset
from scoring.errors import ConfigurationError
from scoring.widgets.text_search import TextSearch
from tests.support.errors import raises_at


@pytest.fixture(scope="module")
def search():
    jobs = pd.DataFrame(
        {
            "job_id": [1, 2, 3, 14, 5],
            "external_id": ["A-1", None, "J 3", None, "14"],
            "title": ["保育補助（大阪）", "Ｎｕｒｓｅ\nnight shift", "Cook in Osaka", None, "Night cook"],
            "company_name": ["株式会社アクト", "Care", None, "Care", "Café ABC"],
            "prefecture_code": ["27", "13", "27", None, "13"],
        }
    )
    users = pd.DataFrame(
        {
            "user_id": [1, 2],
            "external_id": [None, "U-2"],
            "prefecture_code": ["13", "27"],
            "preferred_occupations": [[], [1202]],
        }
    )
    occupations = pd.DataFrame({"occupation_code": [1202], "name": ["保育補助"], "major_code": [12]})
    actions = pd.DataFrame({"user_id": [1], "job_id": [2], "action": ["view"], "occurred_at": ["2025-06-01T00:00:00Z"]})
    return TextSearch(Dataset.from_frames(jobs, users, actions, occupations=occupations))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("大阪", ["A-1", "J 3"]),  # the title, and the name of the prefecture
        ("nurse", ["2"]),
        ("shift", ["2"]),
        ("COOK", ["J 3", "14"]),
        ("cook night", ["14"]),
        ("care", ["2", "14"]),
        ("café", ["14"]),
        ("a-1", ["A-1"]),
        ("1", ["A-1", "14", "14"]),  # the job with the number 1 first; the number 14, and the external id 14
        ("cook nurse", []),
        ("night shift care", ["2"]),
    ],
)
def test_jobs_are_found_by_every_word(search, text, ids):
    found = search.find("job", text)
    assert [entry[0] for entry in found.entries] == ids
    assert not found.has_more


def test_users_are_found_by_wish_and_place(search):
    assert [entry[0] for entry in search.find("user", "保育").entries] == ["U-2"]
    assert search.find("user", "u-2").entries == (("U-2", "User U-2", "大阪府 · 保育補助"),)
    assert [entry[0] for entry in search.find("user", "東京").entries] == ["1"]


def test_limit_and_document(search):
    found = search.find("job", "o", limit=1)
    assert (len(found.entries), found.has_more) == (1, True)
    json.dumps(found.document())
    assert found.document()["entries"][0].keys() == {"id", "title", "detail"}


def test_invalid_searches_raise(search):
    for text in ("", "   ", "x" * 201):
        with raises_at(ConfigurationError, "text"):
            search.find("job", text)
    with raises_at(ConfigurationError, "what"):
        search.find("company", "x")
