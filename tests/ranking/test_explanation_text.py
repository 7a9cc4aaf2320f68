"""Facts of an explanation as text."""

from __future__ import annotations

from scoring.ranking.explanation_text import format_facts


def test_facts_as_text() -> None:
    facts = {"yen per hour": 1250.0, "ratio": 0.8969, "similar in": {"wage": True, "daily_payment": True, "x": False},
             "met": {"floor": 1, "style": 0.5}, "preferred": (1202, 1508), "station": None, "clicked": {}}  # fmt: skip
    assert format_facts(facts) == (
        "yen per hour 1,250; ratio 0.897; similar in wage, daily payment; conditions: floor (met), style (half met); "
        "preferred 1202/1508; no station; clicked nothing"
    )
    unlike = {"similar in": {"occupation": False}}
    assert format_facts({"clicks": 2, "days": 30} | unlike) == "clicks 2; in the last 30 days; none similar"
    assert format_facts({"clicks": 0} | unlike) == "clicks 0"
    assert format_facts({"met": {"floor": 0.0, "style": 0.25}}) == "conditions: floor (not met), style (met by 25%)"
    assert format_facts({"met": {}}) == "no conditions"
    assert format_facts({"cosine": None}) == "factor similarity: user or job has no factors"
    assert format_facts({"cosine": 0.25}) == "factor similarity 0.25 (from -1 to 1)"
