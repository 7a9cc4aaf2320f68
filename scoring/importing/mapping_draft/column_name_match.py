"""Which column of a table a name in a file means."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final

from scoring.columns import TABLES
from scoring.columns.text_normalisation import normalise_text
from scoring.columns.types import ID

__all__ = ["fold_words", "rate_name"]

_PLACE: Final = {
    "prefecture_code": (
        "prefecture code", "pref cd", "pref", "prefecture", "state code", "state", "region code",
        "region", "province",
        "canton", "lives in", "residence", "都道府県コード", "都道府県", "居住地",
    ),
    "city_code": (
        "city code", "city cd", "city", "town", "municipality", "zip code", "zip", "postal code", "postcode",
        "市区町村コード", "市区町村", "市町村",
    ),
}  # fmt: skip

WORDS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "jobs": {
        "job_id": (
            "job id", "job", "posting id", "vacancy id", "offer id", "position id", "requisition id", "req id", "req",
            "listing id", "ad id", "item id", "movie id", "product id", "求人id", "求人番号", "案件id", "仕事id",
        ),
        "company_id": ("company id", "employer id", "client id", "endcl cd", "企業id", "会社id", "企業コード"),
        "company_name": (
            "company name", "company", "employer", "organization", "organisation", "会社名", "企業名", "店舗名",
        ),
        "title": (
            "title", "job title", "posting title", "position title", "application name", "position", "headline",
            "movie title", "item name", "求人タイトル", "タイトル", "求人名", "仕事名",
        ),
        **_PLACE,
        "station_name": ("station name", "station", "nearest station", "最寄り駅", "最寄駅", "駅"),
        "address": ("address", "street address", "street", "location", "workplace", "住所", "勤務地"),
        "salary_type": (
            "salary type", "per", "pay type", "wage type", "pay period", "salary period", "pay unit", "rate type",
            "給与形態", "給与区分",
        ),
        "min_salary": (
            "min salary", "salary min", "minimum salary", "min wage", "salary", "wage", "pay", "min pay", "pay min",
            "hourly rate", "pay rate",
            "compensation", "salary from", "給与", "時給", "月給", "賃金", "給料",
        ),
        "max_salary": ("max salary", "salary max", "maximum salary", "salary to", "max wage", "max pay", "pay max",
            "最高給与",
        ),
        "fee": (
            "fee", "success fee", "commission", "price per click", "cpc", "bid", "revenue", "掲載料",
            "成果報酬", "手数料",
        ),
        "occupation_code": (
            "occupation code", "occupation", "job category", "trade", "profession", "category", "job family",
            "industry",
            "class", "genres",
            "genre", "job type", "position", "職種コード", "職種", "業種",
        ),
        "employment_type_code": ("employment type code", "employment type", "contract type", "type", "雇用形態"),
        "has_daily_payment": ("has daily payment", "daily payment", "daily pay", "日払い"),
        "has_no_experience": (
            "has no experience", "no experience", "no experience required", "entry level", "未経験",
        ),
        "has_student_welcome": ("has student welcome", "student welcome", "students welcome", "学生"),
        "has_remote_work": (
            "has remote work", "remote work", "remote", "is remote", "work from home", "from home",
            "home office", "在宅", "リモート", "テレワーク",
        ),
        "posted_at": (
            "posted at", "online since", "published", "posting date", "date posted", "posted", "post date",
            "published at", "publish date",
            "listed at", "open date", "start date", "掲載開始日", "掲載日", "公開日",
        ),
        "expires_at": (
            "expires at", "end at", "expiry date", "expiration date", "expires", "valid until",
            "closing date", "closes", "deadline",
            "close date", "end date", "掲載終了日", "締切日", "応募締切",
        ),
        "is_active": ("is active", "active", "is open", "有効"),
    },
    "users": {
        "user_id": (
            "user id", "user", "applicant id", "candidate id", "member id", "seeker id", "customer id", "member",
            "applicant", "candidate",
            "person id", "uid",
            "会員id", "会員番号", "ユーザーid", "求職者id",
        ),
        **_PLACE,
        "age_group": ("age group", "age", "age band", "年代", "年齢"),
        "gender": ("gender", "sex", "性別"),
        "preferred_occupations": (
            "preferred occupations", "looks for", "searches for", "preferred categories", "positions of interest",
            "position of interest", "interests",
            "desired occupation", "desired position", "preferred jobs", "desired jobs", "occupation", "希望職種",
        ),
        "preferred_salary_min": (
            "preferred salary min", "at least", "preferred salary", "desired salary", "salary expectation",
            "min salary", "min pay", "expected pay", "希望時給",
            "希望給与",
        ),
        "preferred_work_style": ("preferred work style", "work style", "desired work style", "働き方"),
        "registered_at": (
            "registered at", "registration date", "signup date", "sign up date", "joined at", "joined",
            "member since", "created at",
            "登録日", "入会日",
        ),
        "is_active": ("is active", "active", "有効"),
    },
    "actions": {
        "action": (
            "action", "action type", "did", "event", "event type", "event name", "interaction", "行動", "アクション",
            "種別",
        ),
        "occurred_at": (
            "occurred at", "action timestamp", "timestamp", "event time", "when", "event date", "datetime",
            "time", "date",
            "view start", "viewed at", "clicked at", "applied at", "application date", "created at", "日時",
            "発生日時",
        ),
    },
}  # fmt: skip
"""Table → column → names for it, the clearest first."""

EXACT: Final = 1.0
CONTAINED: Final = 0.6
SIMILAR: Final = 0.5


def fold_words(name: str) -> str:
    """Return a column name as words in lower case, without a suffix that states a type.

    Example
    -------
    >>> [fold_words(name) for name in ("Job.ID", "jobId", "item_id:token", "Ｊｏｂ－ＩＤ")]
    ['job id', 'job id', 'item id', 'job id']
    """
    text = normalise_text(name).split(":")[0]
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return " ".join(re.sub(r"[\W_]+", " ", text).casefold().split())


def rate_name(name: str, table: str, column: str) -> float:
    """Return how well a name in a file means a column, from 0 to 1.

    Canonical names and aliases have 1. Earlier names of `WORDS` rate higher than later ones.
    """
    words = fold_words(name)
    spec = TABLES[table].column(column)
    if spec.type is ID:
        words = re.sub(r" (no|number|code|key)$", " id", words)
    if words in {fold_words(accepted) for accepted in (spec.name, *spec.aliases)}:
        return EXACT
    best = 0.0
    for place, meaning in enumerate(WORDS.get(table, {}).get(column, ())):
        weight = 1 - 0.01 * place
        if words == meaning:
            best = max(best, EXACT * weight - 0.01)
        elif set(meaning.split()) < set(words.split()) or _contains_without_spaces(words, meaning):
            best = max(best, CONTAINED * weight)
        elif SequenceMatcher(None, words, meaning).ratio() >= 0.85:
            best = max(best, SIMILAR * weight)
    return best


def _contains_without_spaces(words: str, meaning: str) -> bool:
    """Return whether a name contains Japanese words, which no spaces separate: 未経験OK contains 未経験."""
    return len(meaning) > 1 and not meaning.isascii() and meaning in words
