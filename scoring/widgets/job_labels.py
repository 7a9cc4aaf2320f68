"""Title, company and place of jobs as text."""

from __future__ import annotations

from typing import Any

from scoring.model import Inputs

__all__ = ["collect_job_texts"]


def collect_job_texts(inputs: Inputs, rows: Any) -> list[dict[str, str]]:
    """Return title, company and place of the jobs at these rows. A missing value is ""."""
    frame = inputs.jobs.frame[["title", "company_name", "prefecture_code"]].iloc[rows]
    prefectures = inputs.dataset.tables.prefectures.set_index("prefecture_code")["name"].to_dict()
    return [
        {"title": _get_text(title), "company": _get_text(company), "place": _get_text(prefectures.get(code, code))}
        for title, company, code in frame.itertuples(index=False)
    ]


def _get_text(value: Any) -> str:
    return value if isinstance(value, str) else ""
