"""A database as scoring 0.1.0 wrote it, from literal SQL: one published run, one unfinished run, no version table."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import sqlalchemy as sa

__all__ = ["OTHER_KEY", "PUBLISHED", "PUBLISHED_KEY", "UNFINISHED", "UNFINISHED_KEY", "write_version_1"]

PUBLISHED, UNFINISHED, OTHER = "2025-01-02T0300-aaaa", "2025-01-03T0300-bbbb", "2025-01-01T0300-cccc"
PUBLISHED_KEY, UNFINISHED_KEY, OTHER_KEY = "a" * 32, "b" * 32, "c" * 32

TABLES = """
CREATE TABLE jobs (
    job_id {id} NOT NULL,
    company_id TEXT,
    company_name TEXT,
    title TEXT,
    prefecture_code TEXT,
    city_code TEXT,
    station_name TEXT,
    address TEXT,
    salary_type TEXT,
    min_salary {double},
    max_salary {double},
    fee {double},
    occupation_code BIGINT,
    employment_type_code BIGINT,
    has_daily_payment BOOLEAN,
    has_no_experience BOOLEAN,
    has_student_welcome BOOLEAN,
    has_remote_work BOOLEAN,
    posted_at BIGINT,
    expires_at BIGINT,
    is_active BOOLEAN NOT NULL,
    external_id TEXT,
    PRIMARY KEY (job_id)
);
CREATE INDEX jobs_by_external_id ON jobs (external_id);
CREATE INDEX jobs_by_company ON jobs (company_id);
CREATE TABLE users (
    user_id {id} NOT NULL,
    prefecture_code TEXT,
    city_code TEXT,
    age_group TEXT,
    gender TEXT,
    preferred_occupations TEXT,
    preferred_salary_min {double},
    preferred_work_style TEXT,
    registered_at BIGINT,
    is_active BOOLEAN NOT NULL,
    external_id TEXT,
    PRIMARY KEY (user_id)
);
CREATE INDEX users_by_external_id ON users (external_id);
CREATE TABLE actions (
    user_id {id} NOT NULL,
    job_id {id} NOT NULL,
    action TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, job_id, action, occurred_at),
    CONSTRAINT action_kind CHECK (action IN ('application', 'click', 'view'))
) {without_rowid};
CREATE INDEX actions_by_job ON actions (job_id, occurred_at, action);
CREATE INDEX actions_by_time ON actions (occurred_at);
CREATE TABLE occupations (
    occupation_code {id} NOT NULL,
    name TEXT,
    major_code BIGINT,
    PRIMARY KEY (occupation_code)
);
CREATE TABLE prefectures (
    prefecture_code TEXT NOT NULL,
    name TEXT,
    region TEXT,
    PRIMARY KEY (prefecture_code)
);
CREATE TABLE prefecture_adjacency (
    prefecture_code TEXT NOT NULL,
    adjacent_code TEXT NOT NULL,
    PRIMARY KEY (prefecture_code, adjacent_code)
);
CREATE TABLE user_factors (
    user_id {id} NOT NULL,
    vector {bytes} NOT NULL,
    PRIMARY KEY (user_id)
);
CREATE TABLE job_factors (
    job_id {id} NOT NULL,
    vector {bytes} NOT NULL,
    PRIMARY KEY (job_id)
);
CREATE TABLE data_changes (
    table_name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (table_name)
);
CREATE TABLE profiles (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    model TEXT NOT NULL,
    parent TEXT,
    parent_digest TEXT,
    data_fingerprint TEXT,
    as_of BIGINT,
    code_version TEXT NOT NULL,
    metrics TEXT NOT NULL,
    author TEXT,
    note TEXT NOT NULL,
    saved_at BIGINT NOT NULL,
    promoted_at BIGINT,
    PRIMARY KEY (name, version)
);
CREATE TABLE promotions (
    number INTEGER NOT NULL,
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (number),
    CONSTRAINT promotion_action CHECK (action IN ('promote', 'rollback'))
);
CREATE TABLE runs (
    run_id TEXT NOT NULL,
    status TEXT NOT NULL,
    model TEXT NOT NULL,
    settings TEXT NOT NULL,
    data_fingerprint TEXT,
    as_of BIGINT,
    created_at BIGINT NOT NULL,
    published_at BIGINT,
    users BIGINT,
    jobs BIGINT,
    rows BIGINT,
    PRIMARY KEY (run_id),
    CONSTRAINT run_status CHECK (status IN ('writing', 'published'))
);
CREATE TABLE results (
    run_id TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    rank INTEGER NOT NULL,
    job_id BIGINT NOT NULL,
    total_score {double} NOT NULL,
    base_score {double} NOT NULL,
    match_score {double} NOT NULL,
    personal_score {double} NOT NULL,
    PRIMARY KEY (run_id, user_id, rank)
) {without_rowid};
CREATE TABLE current_runs (
    name TEXT NOT NULL,
    run_id TEXT NOT NULL,
    PRIMARY KEY (name),
    FOREIGN KEY(run_id) REFERENCES runs (run_id)
);
"""

TYPES = {
    "sqlite": {"id": "INTEGER", "double": "DOUBLE", "bytes": "BLOB", "without_rowid": "WITHOUT ROWID"},
    "postgresql": {"id": "BIGINT", "double": "DOUBLE PRECISION", "bytes": "BYTEA", "without_rowid": ""},
}


def _settings(key: str, **more: object) -> str:
    """Settings with the names and in the order of 0.1.0."""
    settings = {
        "k": 2,
        "weights": {"salary": 1.0},
        "model_digest": "d" * 64,
        "definition": {"name": "standard"},
        "clock_set_back": False,
        "code_version": "0.1.0",
        "whole": True,
        "key": key,
        "facts": {},
        "gate": None,
        "shards": {"0": 2},
        "digests": {},
    }
    return json.dumps(settings | more, ensure_ascii=False)


def _rows(true: str) -> str:
    nested = _settings(OTHER_KEY, peer_inputs={"key": PUBLISHED_KEY})
    return f"""
INSERT INTO prefectures VALUES ('13', 'Tokyo', 'Kanto');
INSERT INTO users (user_id, prefecture_code, is_active) VALUES (1, '13', {true}), (2, '13', {true});
INSERT INTO jobs (job_id, prefecture_code, is_active) VALUES (10, '13', {true}), (20, '13', {true});
INSERT INTO runs VALUES
    ('{OTHER}', 'published', 'standard', '{nested}', 'f', 0, 1735700000000000, 1735700001000000, 0, 2, 0),
    ('{PUBLISHED}', 'published', 'standard', '{_settings(PUBLISHED_KEY)}',
     'f', 0, 1735786800000000, 1735786801000000, 1, 2, 2),
    ('{UNFINISHED}', 'writing', 'standard', '{_settings(UNFINISHED_KEY, shards={})}',
     'f', 0, 1735873200000000, NULL, NULL, NULL, NULL);
INSERT INTO results VALUES ('{PUBLISHED}', 1, 1, 10, 2, 1, 1, 0), ('{PUBLISHED}', 1, 2, 20, 1, 1, 0, 0);
INSERT INTO current_runs VALUES ('default', '{PUBLISHED}');
"""


def write_version_1(url: str) -> None:
    """Write the tables and rows into an empty database, by its driver alone."""
    found = sa.make_url(url)
    kind = found.get_backend_name()
    script = TABLES.format(**TYPES[kind]) + _rows("1" if kind == "sqlite" else "true")
    if kind == "sqlite":
        assert found.database is not None
        with closing(sqlite3.connect(Path(found.database))) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(script)
    else:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(script.encode())
