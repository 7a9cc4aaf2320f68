"""City codes that lost a zero are padded by the prefecture of their row."""

from __future__ import annotations

import pandas as pd

from scoring.dataset import Dataset
from scoring.testing.small_market import canonical


def test_city_code_is_padded_if_it_fits_the_prefecture() -> None:
    jobs = pd.DataFrame(
        {
            "job_id": [1, 2, 3, 4, 5, 6],
            "prefecture_code": ["01", 1, 13, None, "01", "01"],
            "city_code": [1100, "01100", "13104", 1100, "310", "X1"],
        }
    )
    users = pd.DataFrame({"user_id": [1], "prefecture_code": [1], "city_code": ["１１００"]})
    data = Dataset.from_frames(jobs, users)
    assert data.tables.jobs["city_code"].tolist() == ["01100", "01100", "13104", "1100", "310", "X1"]
    assert data.tables.users["city_code"].tolist() == ["01100"]
    notes = data.ledger.notes
    assert notes["jobs"]["city_code: padded to 5 digits, such as '1100'"] == 1
    assert notes["jobs"]["city_code: not padded to 5 digits, such as '1100'"] == 2
    assert notes["users"]["city_code: padded to 5 digits, such as '1100'"] == 1


def test_codes_of_five_digits_stay_beside_codes_of_six() -> None:
    jobs = canonical("jobs", job_id=[1, 2], prefecture_code=["13", "13"], city_code=["131041", "13104"])
    data = Dataset.from_frames(jobs, canonical("users", user_id=[1]))
    assert data.tables.jobs["city_code"].tolist() == ["131041", "13104"]
    assert sum(data.ledger.notes["jobs"].values()) == 1


def test_data_without_city_codes_of_digits_have_no_notes() -> None:
    jobs = canonical("jobs", job_id=[1, 2], city_code=["Tokyo", None])
    assert Dataset.from_frames(jobs, canonical("users", user_id=[1])).ledger.notes == {}
