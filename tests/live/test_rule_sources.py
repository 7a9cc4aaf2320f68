"""Each rule states what it reads; anything else is refused."""

from __future__ import annotations

import pytest

from scoring.errors import ModelError
from scoring.live.rule_sources import Source, find_sources, list_sources
from scoring.model import EligibilityRule
from scoring.model.eligibility import Eligibility


@pytest.mark.parametrize(
    ("where", "sources"),
    [
        ("job.fee >= 800 and not job.has_remote_work", {"job row"}),
        ("job.company_id is missing or job.fee in (1, 2)", {"job row"}),
        ("job.occupation_code in user.preferred_occupations", {"job row", "user row"}),
        ("days_since(user, job, 'view') > 7", {"own actions", "clock"}),
        ("days_since(user, job.company_id, 'view') == inf", {"own actions", "clock", "job row"}),
    ],
)
def test_sources_of_own_rules(where: str, sources: set[Source]) -> None:
    assert find_sources(EligibilityRule(where)) == sources


def test_unknown_operand_is_refused_by_name() -> None:
    rule = EligibilityRule("job.fee >= 800", name="popular")
    rule.__dict__["expression"] = object()  # such as a form that a later version adds
    with pytest.raises(ModelError) as raised:
        find_sources(rule)
    assert raised.value.key == ("eligibility", "rules", "popular")


def test_sources_of_shipped_rules() -> None:
    found = list_sources(Eligibility(max_per_company=2))
    assert found["open"] == {"job row", "clock"}
    assert found["company_cooldown_days"] == {"own actions", "job row", "clock"}
    assert "employment_types" not in found
    assert list_sources(Eligibility(open=False, min_fee=None, not_applied=False, company_cooldown_days=None)) == {}
