"""Every entry point with every kind of bad input: the documented outcome, no traceback, no wrong number."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import scoring
from scoring.columns import TABLES
from scoring.columns.board_definition import DEFAULT_BOARD, Board, parse_own_columns
from scoring.columns.dataset_frames import Tables
from scoring.columns.types import ACTIVE, ID, TIME
from scoring.database.database import Database
from scoring.database.writers import save_tables
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, DataError, ModelError, ScoringError, UnknownIdError
from scoring.importing import import_file
from scoring.runs import runner
from scoring.validation.report import DataReport
from scoring.validation.table_validator import normalise
from tests.support.errors import count_problems, raises_data, raises_problem
from tests.support.input_values import GONE, INF, KEPT, MISSING, NAN, OWN, RESERVED, Case, cases, page
from tests.support.proof_counts import record_count

MARKET = scoring.make_market(8, 30, 120, seed=2).tables
OWN_BOARD = parse_own_columns(OWN)
BOTH: dict[str, Any] = {"jobs": MARKET.jobs, "users": MARKET.users}
FIRST = 5_000_000_000  # ids of the rows with cases


@cache
def ready() -> scoring.Prepared:
    """Return the market, prepared once."""
    return scoring.Prepared.of(Dataset(MARKET), scoring.load_model("classic"))


def inputs(table: str, board: Board = DEFAULT_BOARD) -> list[Case]:
    """Return the cases. In actions, a valid id refers to no user and no job, so its row is rejected."""
    has_unknown_ids = table == "actions"
    return [
        replace(case, outcome="does not exist in ")
        if has_unknown_ids and case.column.type is ID and not case.refused
        else case
        for case in cases(table, board)
    ]


def rows_of(found: Sequence[Case], board: Board = DEFAULT_BOARD) -> pd.DataFrame:
    """Return one row per case, valid except for the value of the case."""
    table = found[0].table
    rows: dict[str, list[Any]] = {name: [None] * len(found) for name in board.table(table).names}
    for n, case in enumerate(found):
        if table == "actions":
            sound = {"user_id": MARKET.users["user_id"].iloc[n % 8], "job_id": MARKET.jobs["job_id"].iloc[n % 30]}
            sound |= {"action": "view", "occurred_at": f"2025-05-{1 + n % 28:02d}T00:{n // 28:02d}:00Z"}
        else:
            sound = {TABLES[table].key[0]: FIRST + n}
        for name, value in (sound | {case.column.name: case.value}).items():
            rows[name][n] = value
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in rows.items()})


def compare(door: str, found: Sequence[Case], ledger: DataReport) -> None:
    """Check that each case to reject has one rejected row with its reason, and that every row is counted."""
    table = found[0].table
    account = ledger[table]
    assert account.read == account.used + sum(account.left_out.values()) + account.n_rejected
    aside = ledger.rows[table][["refused_column", "refused_reason"]]
    said = Counter(f"{column} {why}" for column, why in aside.itertuples(index=False))
    expected = Counter((case.column.name, case.outcome) for case in found if case.refused)
    for (column, outcome), number in expected.items():
        theirs = sum(n for text, n in said.items() if text.startswith(f"{column} ") and outcome in text)
        assert theirs == number, f"{door}: {table}.{column} {outcome}: {theirs} refused, not {number}: {said}"
    assert len(aside) == sum(expected.values()) == account.n_rejected, said
    record_count("invalid values", "{} values", len(found))


TABLE = pytest.mark.parametrize("table", ["jobs", "users", "actions"])
BOARD = pytest.mark.parametrize("board", [DEFAULT_BOARD, OWN_BOARD], ids=["canonical", "own"])


@BOARD
@TABLE
def test_frames(table: str, board: Board) -> None:
    found = inputs(table, board)
    own = OWN if board.own else None
    tables = {name: getattr(MARKET, name) for name in ("jobs", "users", "actions")}
    tables[table] = pd.concat([rows_of(found, board), tables[table].astype(object)], ignore_index=True)
    ledger = Dataset.from_frames(**tables, on_bad="quarantine", own_columns=own).ledger
    compare("Dataset.from_frames", found, ledger)
    with pytest.raises(DataError) as caught:  # all problems at once, in a readable message
        Dataset.from_frames(**tables, own_columns=own)
    problems = caught.value.problems
    assert problems is not None
    assert set(zip(problems["column"], problems["first"].str[0], strict=True)) >= {
        (case.column.name, min(n for n, c in enumerate(found) if (c.column, c.outcome) == (case.column, case.outcome)))
        for case in found
        if case.refused and case.outcome != "does not exist in "
    }
    assert len(str(caught.value)) < 4_000


@BOARD
@TABLE
def test_kept_and_missing_values(table: str, board: Board) -> None:
    found = [case for case in inputs(table, board) if not case.refused]
    result = normalise(table, rows_of(found, board), code_width={"prefecture_code": 2}, board=board)
    assert result.rows.tolist() == list(range(len(found)))
    for n, case in enumerate(found):
        value = result.frame[case.column.name].iloc[n]
        gone = value == [] if case.column.type.is_list else bool(pd.isna(value))
        if case.column.type is ACTIVE and case.outcome == MISSING:
            assert bool(value), case  # a missing is_active means true
        else:
            assert gone == (case.outcome == MISSING), f"{case} became {value!r}"


def held(case: Case) -> Case | None:
    """Return the case as a database stores it (times as integers); None if it cannot store the value."""
    value = case.value
    if isinstance(value, bool | list | dict) or (isinstance(value, int) and abs(value) >= 2**63):
        return None
    if case.column.type is not TIME or value is None or value != value:
        return case
    if case.outcome == KEPT:
        return replace(case, value=int(pd.Timestamp(value).as_unit("us").asm8.astype("int64")))
    # 20250101 microseconds are a valid time shortly after 1970; texts are not times in a database
    return (
        replace(case, outcome=KEPT)
        if isinstance(value, int)
        else replace(case, outcome="is not an integer number of micro")
    )


@BOARD
@TABLE
def test_databases(table: str, board: Board, tmp_path: Path) -> None:
    """The database has no types, keys or checks, and another program filled it."""
    found = [case for case in map(held, inputs(table, board)) if case is not None]
    names = ", ".join(board.table(table).names)
    bad = rows_of(found, board)
    with Database.open(tmp_path / "m.db") as database:
        save_tables(database, add_own_columns() if board.own else MARKET)
        with database.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO old")
            connection.exec_driver_sql(f"CREATE TABLE {table} ({names})")
            connection.exec_driver_sql(f"INSERT INTO {table} SELECT {names} FROM old")
            for n, row in enumerate(bad.to_dict("records")):
                if table == "actions" and found[n].column.name != "occurred_at":
                    row["occurred_at"] = 1_748_000_000_000_000 + n
                broken = {name for name, value in row.items() if value == "\ud800"}
                marks = ", ".join("CAST(x'ff41' AS TEXT)" if name in broken else "?" for name in row)
                bound = tuple(_python(value) for name, value in row.items() if name not in broken)
                connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", bound)
        compare("Dataset.from_database", found, Dataset.from_database(database, on_bad="quarantine").ledger)
        with raises_data("invalid rows") as caught:
            Dataset.from_database(database)
        assert count_problems(caught.value) == {table: sum(case.refused for case in found)}


@cache
def add_own_columns() -> Tables:
    """Return the market with own columns without values."""
    frames = {name: frame for name, frame in MARKET.items() if not name.endswith("_factors")}
    return Dataset.from_frames(**frames, own_columns=OWN).tables


def _python(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


@BOARD
@TABLE
def test_parquet_files(table: str, board: Board, tmp_path: Path) -> None:
    """All columns have one type: each invalid value is stored among valid ones."""
    texts = [case for case in inputs(table, board) if isinstance(case.value, str) and case.value != "\ud800"]
    rows_of(texts, board).astype("str").to_parquet(tmp_path / "x.parquet")
    mapping = {"columns": {name: {"type": word} for name, word in OWN[table].items()}} if board.own else None
    with Database.open(tmp_path / "m.db") as database:
        save_tables(database, MARKET)
        ledger = import_file(database, table, tmp_path / "x.parquet", mapping, refused_to=tmp_path)
    assert ledger.read == len(texts) == ledger.stored + ledger.merged + ledger.rejected
    own = [case for case in texts if case.outcome != KEPT and case.column.type is not ID]
    for case in own:
        if case.refused:
            assert any(f"{case.column.name} {case.outcome}" in why for why in ledger.reasons), (case, ledger.reasons)
    record_count("invalid values", "{} values", len(texts))


@pytest.fixture(scope="module")
def engine() -> scoring.ScoringEngine:
    return scoring.ScoringEngine(Dataset(MARKET), keep_factors=False)


@pytest.fixture(scope="module")
def engines(engine: scoring.ScoringEngine) -> dict[Board, scoring.ScoringEngine]:
    return {DEFAULT_BOARD: engine, OWN_BOARD: scoring.ScoringEngine(Dataset(add_own_columns()), keep_factors=False)}


@BOARD
@pytest.mark.parametrize("table", ["jobs", "users"])
async def test_frames_of_a_request(engines: dict[Board, scoring.ScoringEngine], table: str, board: Board) -> None:
    found, engine = inputs(table, board), engines[board]
    frames = {"users_df": MARKET.users, "jobs_df": MARKET.jobs} | {f"{table}_df": rows_of(found, board)}
    refused = sum(case.refused for case in found)
    with raises_data("invalid rows") as caught:
        await engine.process_scoring_batch(**frames)
    assert count_problems(caught.value) == {table: refused}
    record_count("invalid values", "{} values", len(found))
    if table == "jobs":
        with raises_data("invalid rows") as caught:
            engine.calculate_base_scores_vectorized(frames["jobs_df"])
        assert count_problems(caught.value) == {"jobs": refused}
        record_count("invalid values", "{} values", len(found))
    kept = rows_of([case for case in found if not case.refused], board)
    scores = await engine.process_scoring_batch(**{**frames, f"{table}_df": kept})
    assert scores["total_score"].between(0, 100).all()


async def test_errors_of_both_frames_are_reported_together(engine: scoring.ScoringEngine) -> None:
    with raises_data("invalid rows") as caught:
        await engine.process_scoring_batch(
            pd.DataFrame({"user_id": ["NULL"]}), pd.DataFrame({"job_id": [1], "fee": [INF]})
        )
    assert count_problems(caught.value) == {"users": 1, "jobs": 1}


@pytest.mark.parametrize(
    ("board", "every"),
    [
        pytest.param(DEFAULT_BOARD, 3, id="canonical"),
        pytest.param(OWN_BOARD, 6, id="own"),
        pytest.param(DEFAULT_BOARD, 1, id="canonical-all", marks=pytest.mark.long),
        pytest.param(OWN_BOARD, 1, id="own-all", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("table", ["jobs", "users"])
async def test_single_objects(
    engines: dict[Board, scoring.ScoringEngine], table: str, board: Board, every: int
) -> None:
    """Each object is a request. The quick test takes some cases of a table; frames contain all of them.

    The id of an object may be missing, and may be the number of a text id, because results contain such numbers.
    """
    engine = engines[board]
    found = [
        case for case in inputs(table, board) if case.column.type is not ID or case.outcome not in (GONE, RESERVED)
    ]
    found = found[::every]
    sound = {"jobs": {"job_id": 1}, "users": {"user_id": 1}}
    for case in found:
        things = sound | {table: sound[table] | {case.column.name: case.value}}
        if case.refused:
            with raises_problem(table, case.column.name, rows=1):
                await engine.calculate_total_score(things["jobs"], things["users"])
    kept = [sound[table] | {case.column.name: case.value} for case in found if not case.refused]
    pairs = [(thing, sound["users"]) if table == "jobs" else (sound["jobs"], thing) for thing in kept]
    assert len(await engine.batch_calculate_scores(pairs)) == len(kept)
    record_count("invalid values", "{} values", len(found))


# Inputs that are not tables

NO_MODEL = (ModelError, ConfigurationError)


def weights(**given: Any) -> Callable[[], Any]:
    from scoring.model import parse_weights

    return lambda: parse_weights(
        "\n".join(f"{name}: {value}" for name, value in given.items()), scoring.load_model("classic"), source="w.yaml"
    )


ARGUMENTS: list[tuple[str, Callable[[], Any], type[ScoringError] | tuple[type[ScoringError], ...] | None]] = [
    *((f"k {k!r}", lambda k=k: ready().top_k(k), ConfigurationError) for k in (0, -1, 1.5, True, "x", None, NAN, INF)),
    *((f"k {k!r}", lambda k=k: ready().top_k(k), None) for k in (10**9, 2**70)),
    *(
        (f"users {u!r}", lambda u=u: ready().top_k(2, u), ConfigurationError)
        for u in ([True], [1.5], [2**63], [None], [NAN])
    ),
    *((f"users {u!r}", lambda u=u: ready().top_k(2, u), UnknownIdError) for u in ([0], [-1], [2**62], ["x"], "ab")),
    ("users 1", lambda: ready().top_k(2, 1), None),
    ("users []", lambda: ready().top_k(2, []), None),
    *(
        (f"chunk_size {c!r}", lambda c=c: runner.run(ready(), k=2, chunk_size=c), ConfigurationError)
        for c in (0, -1, 1.5, True, "x", None, NAN, INF)
    ),
    *(
        (f"workers {w!r}", lambda w=w: runner.run(ready(), k=2, workers=w), ConfigurationError)
        for w in (0, -1, 1.5, True, "x")
    ),
    *(
        (f"as_of {a!r}", lambda a=a: Dataset(MARKET, as_of=a), ConfigurationError)
        for a in (5, NAN, True, "now", "2025-02-30", "")
    ),
    *((f"weights {w}", weights(**w), NO_MODEL) for w in (
        {"base": -1}, {"base": ".nan"}, {"base": ".inf"}, {"base": "x"}, {"unheard": 1}, {"base": "[]"},
        {"base": 0, "match": 0, "personal": 0},
    )),
    *(
        (f"factors {name}", lambda f=f: Dataset.from_frames(MARKET.jobs, MARKET.users, MARKET.actions, **f), DataError)
        for name, f in {
            "alone": {"user_factors": pd.DataFrame({"user_id": [1], "f0": [1.0]})},
            "with a gap": {"user_factors": pd.DataFrame({"user_id": [1], "f0": [1.0], "f2": [1.0]})},
            "of different sizes": {
                "user_factors": pd.DataFrame({"user_id": [1], "f0": [1.0]}),
                "job_factors": pd.DataFrame({"job_id": [1], "f0": [1.0], "f1": [1.0]}),
            },
            "of infinity": {
                "user_factors": pd.DataFrame({"user_id": [1], "f0": [INF]}),
                "job_factors": pd.DataFrame({"job_id": [1], "f0": [NAN]}),
            },
        }.items()
    ),
    *(
        (f"tables {name}", lambda f=f: Dataset.from_frames(**(BOTH | f)), DataError)
        for name, f in {
            "no frame": {"jobs": {"job_id": [1]}},
            "None": {"users": None},
            "without an id": {"jobs": MARKET.jobs.drop(columns="job_id")},
            "a column twice": {"jobs": pd.concat([MARKET.jobs, MARKET.jobs[["fee"]]], axis=1)},
            "an id twice": {"users": pd.concat([MARKET.users, MARKET.users.head(1)])},
            "an unknown table": {"cats": MARKET.users},
            "actions without users": {"users": MARKET.users.head(0), "actions": MARKET.actions},
            "a region twice": {"prefectures": pd.DataFrame({"prefecture_code": ["1", "1"]})},
            "a border to nowhere": {
                "prefecture_adjacency": pd.DataFrame({"prefecture_code": ["13"], "adjacent_code": [None]})
            },
            "an occupation that is not a number": {"occupations": pd.DataFrame({"occupation_code": ["cook"]})},
        }.items()
    ),
    (
        "tables without rows",
        lambda: scoring.Prepared.of(
            Dataset.from_frames(MARKET.jobs.head(0), MARKET.users.head(0)), ready().model
        ).top_k(3),
        None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "call", "outcome"), ARGUMENTS, ids=[name for name, *_ in ARGUMENTS])
def test_arguments(name: str, call: Callable[[], Any], outcome: type[ScoringError] | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if outcome is None:
            call()
        else:
            with pytest.raises(outcome) as caught:
                call()
            assert "Traceback" not in str(caught.value)
    record_count("invalid arguments", "{} arguments", 1)


def test_input_page_is_current() -> None:
    """`python -m tests.support.input_values` writes the page."""
    text = (Path(__file__).parents[2] / "docs" / "input.md").read_text("utf-8")
    assert page() in text
