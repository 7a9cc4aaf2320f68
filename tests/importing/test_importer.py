"""Imports of files: every row is stored, merged or rejected with a reason, and the ledger adds up."""

from __future__ import annotations

import errno
import sqlite3
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.columns.text_id_hash import number_texts
from scoring.database.database import Database
from scoring.database.readers import load_actions, load_jobs, load_tables, load_users
from scoring.database.writers import save_tables
from scoring.errors import ConfigurationError, DataReason, OutputError
from scoring.importing import ImportReport, import_file, import_mapping, table_writer
from tests.support.errors import raises_at, raises_data, raises_with
from tests.support.small_tables import HOSTILE, assert_same, small_tables, tables_with_text_id

pytestmark = pytest.mark.integration  # whole imports into databases


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Database]:
    with Database.open(sqlite_url) as found:
        found.create()
        yield found


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(textwrap.dedent(text).lstrip().encode(encoding))
    return path


def jobs_csv(tmp_path: Path, text: str) -> Path:
    return write(tmp_path / "jobs.csv", text)


def test_csv_columns_match_names_and_aliases(database: Database, tmp_path: Path) -> None:
    save_tables(database, small_tables().with_tables(jobs=load_jobs(database)))
    path = jobs_csv(
        tmp_path,
        f"""
        job_id,application_name,pref_cd,fee,has_daily_payment,posting_date,nonsense,endcl_cd
        1,居酒屋,13.0,500,yes,2025-06-01,x,"{HOSTILE}"
        2,,7,,,,x,
        """,
    )
    report = import_file(database, "jobs", path)
    assert (report.read, report.stored, report.merged, report.rejected) == (2, 2, 0, 0)
    assert report.ignored == ("nonsense",)
    frame = load_jobs(database)
    assert frame["prefecture_code"].tolist() == ["13", "07"]
    assert frame["company_id"].tolist()[0] == HOSTILE
    assert frame.iloc[1][["title", "fee", "posted_at", "has_daily_payment"]].isna().all()
    assert len(load_users(database)) == 2


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_exported_tables_are_imported_unchanged(sqlite: Database, tmp_path: Path, suffix: str) -> None:
    tables = tables_with_text_id(factors=True)
    for name, frame in tables.items():
        path = tmp_path / f"{name}.{suffix}"
        if suffix == "csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path)
        report = import_file(sqlite, name, path, refused_to=tmp_path)
        assert (report.stored, report.rejected) == (len(frame), 0), report.lines()
    assert_same(load_tables(sqlite), tables)


def test_every_row_is_counted_and_rejected_rows_are_written(database: Database, tmp_path: Path) -> None:
    path = jobs_csv(
        tmp_path,
        """
        job_id,fee,title
        1,500,good
        1,600,twice
        2,inf,"infinite, quoted"
        ,1,no id
        3,x,no number
        4,1
        5,1,2,3

        6,1,good too
        """,
    )
    report = import_file(database, "jobs", path, refused_to=tmp_path / "out")
    assert (report.read, report.stored, report.rejected) == (8, 2, 6)
    assert report.reasons["fee is infinite"] == 1
    assert report.reasons["row has 2 fields, but the header has 3"] == 1
    assert report.refused_path == tmp_path / "out" / "refused_jobs.csv"
    refused = pd.read_csv(report.refused_path, dtype=str, keep_default_na=False)
    assert refused["refused_row"].tolist() == ["3", "4", "5", "6", "7", "8"]
    assert refused["title"].tolist()[:4] == ["twice", "infinite, quoted", "no id", "no number"]
    assert refused["refused_column"].tolist()[:4] == ["job_id", "fee", "job_id", "fee"]
    text = "\n".join(report.lines())
    assert "8 read = 2 stored + 0 merged + 6 rejected" in text
    assert str(report.refused_path) in text
    frame = report.frame()
    assert frame.loc[frame["what"] == "refused", "rows"].sum() == 6
    assert not list((tmp_path / "out").glob(".*"))


def test_report_that_does_not_add_up_raises() -> None:
    with pytest.raises(AssertionError):
        ImportReport("jobs", "x.csv", read=3, stored=1, merged=1, rejected=0)


def test_invalid_utf8_rejects_the_row_and_not_the_file(sqlite: Database, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_bytes(b"\xef\xbb\xbfjob_id,title\n1,\xe5\xb1\x85\n2,\xff\xfe\n3,ok\n")
    report = import_file(sqlite, "jobs", tmp_path / "jobs.csv", refused_to=tmp_path / "r.csv")
    assert (report.read, report.stored, report.reasons) == (3, 2, {"row is not valid UTF-8": 1})
    assert load_jobs(sqlite)["title"].tolist() == ["居", "ok"]
    assert (tmp_path / "r.csv").read_text(encoding="utf-8").count("is not valid UTF-8") == 1


@pytest.mark.parametrize(
    ("content", "reason", "line", "column"),
    [
        (b"", "no column names", 1, None),
        (b",,\n1,2,3\n", "no column names", 1, None),
        (b"title\nx\n", "missing column", None, "job_id"),
        (b'job_id,title\n1,"' + b"x" * 200_000, "open quote", 2, None),
    ],
)
def test_unreadable_files_raise(
    sqlite: Database, tmp_path: Path, content: bytes, reason: DataReason, line: int | None, column: str | None
) -> None:
    (tmp_path / "jobs.csv").write_bytes(content)
    with raises_data(reason, line=line, column=column):
        import_file(sqlite, "jobs", tmp_path / "jobs.csv")


def test_other_formats_and_tables_raise(sqlite: Database, tmp_path: Path) -> None:
    (tmp_path / "jobs.parquet").write_text("no")
    (tmp_path / "jobs.docx").write_bytes(b"PK\x03\x04\x00\x00")
    files: list[tuple[str, DataReason]] = [
        ("jobs.parquet", "unreadable"),
        ("jobs.docx", "unknown format"),
        ("no.csv", "missing file"),
    ]
    for name, reason in files:
        with raises_data(reason, path=str(tmp_path / name)):
            import_file(sqlite, "jobs", tmp_path / name)
    with raises_at(ConfigurationError, "table", match="Did you mean jobs"):
        import_file(sqlite, "job", tmp_path / "jobs.csv")
    for table, mapping, key in (
        ("actions", {"one_row_per": "user_id"}, ("one_row_per",)),
        ("user_factors", {"columns": {}}, ("table",)),
    ):
        with raises_at(ConfigurationError, *key, match=table):
            import_file(sqlite, table, jobs_csv(tmp_path, "job_id\n1\n"), mapping)


def test_file_with_only_a_header_imports_no_rows(sqlite: Database, tmp_path: Path) -> None:
    report = import_file(sqlite, "jobs", jobs_csv(tmp_path, "job_id,title\n"))
    assert (report.read, report.stored) == (0, 0)


def test_text_ids_keep_their_numbers_and_actions_refer_to_them(database: Database, tmp_path: Path) -> None:
    users = write(tmp_path / "users.csv", "user_id\nbob\n7\nalice\n")
    jobs = write(tmp_path / "jobs.csv", "job_id\nj-2\nj-1\n")
    actions = write(
        tmp_path / "actions.csv",
        """
        user_id,job_id,action,occurred_at
        alice,j-1,view,2025-01-01
        7,j-2,click,2025-01-01
        carol,j-1,view,2025-01-01
        bob,9,view,2025-01-01
        """,
    )
    import_file(database, "users", users)
    import_file(database, "jobs", jobs)
    report = import_file(database, "actions", actions)
    known = load_users(database).set_index("user_id")["external_id"]
    numbers = number_texts(["alice", "bob", "zoe", "j-1", "j-2"])
    assert known.dropna().to_dict() == {numbers["alice"]: "alice", numbers["bob"]: "bob"}
    assert known.index.tolist() == sorted([7, numbers["alice"], numbers["bob"]])
    found = load_actions(database)[["user_id", "job_id"]].values.tolist()
    assert sorted(found) == sorted([[7, numbers["j-2"]], [numbers["alice"], numbers["j-1"]]])
    assert report.rejected == 2
    assert any("user_id" in reason for reason in report.reasons)

    write(users, "user_id\nzoe\nbob\n7\nalice\n")
    import_file(database, "users", users, replace=True)
    assert load_users(database).set_index("user_id")["external_id"].dropna().to_dict() == {
        numbers[text]: text for text in ("alice", "bob", "zoe")
    }


def test_second_import_rejects_ids_and_merges_actions(database: Database, tmp_path: Path) -> None:
    tables = tables_with_text_id()
    save_tables(database, tables)
    frames = dict(tables.items())
    for name in ("jobs", "actions"):
        frames[name].to_parquet(tmp_path / f"{name}.parquet")
    again = import_file(database, "jobs", tmp_path / "jobs.parquet")
    assert (again.stored, again.rejected, again.reasons) == (
        0,
        3,
        {"job_id already exists in the database (use --update to replace it)": 3},
    )
    again = import_file(database, "actions", tmp_path / "actions.parquet")
    assert (again.stored, again.merged, again.rejected) == (0, 4, 0)
    replaced = import_file(database, "jobs", tmp_path / "jobs.parquet", replace=True)
    assert replaced.stored == 3
    assert_same(load_tables(database), tables)


def test_failed_import_is_rolled_back(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tables(database, small_tables())
    write_frame = table_writer.write_frame

    def dies(*arguments: Any) -> None:
        write_frame(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(table_writer, "write_frame", dies)
    with pytest.raises(KeyboardInterrupt):
        import_file(database, "jobs", jobs_csv(tmp_path, "job_id\n5\n"), replace=True)
    assert_same(load_tables(database), small_tables())


def test_sql_in_names_and_ids_is_data(database: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "users.csv", f'user_id,gender\n"{HOSTILE}","{HOSTILE}"\n')
    import_file(database, "users", path)
    assert load_users(database)["external_id"].tolist() == [HOSTILE]
    assert "users" in sa.inspect(database.engine).get_table_names()


VIEWS = """
    who,ad,title,place,kind,pay,seen,until
    ann,1,Cook (nights),Tokyo,H,1000,2025-01-02 10:00:00 UTC,2025-02-01
    bob,1,Cook (days),Tokyo,H,NA,2025-01-01 09:00:00 UTC,2025-03-01
    bob,2,WAITER,NA,M,-5,2025-01-03 10:00:00 UTC,2024-01-01
    ann,1,Cook (nights),Osaka,X,1200,2025-01-02 10:00:00 UTC,2025-02-01
    eve,3,cook,Osaka,H,99999999,2068-01-01 00:00:00 UTC,NA
    ,4,cook,Osaka,H,1,2025-01-01 00:00:00 UTC,NA
"""

MAPPING = """
    sources:
      views: {file: views.csv, missing: ["NA"]}
      wishes: wishes.csv
    tables:
      occupations:
        from: views
        one_row_per: occupation_code
        columns:
          occupation_code: {from: title, cut: ['\\(.*\\)']}
          name: {from: title, cut: ['\\(.*\\)'], pick: last}
      jobs:
        from: views
        one_row_per: job_id
        columns:
          job_id: ad
          title: {from: title, pick: most_common}
          city_code: {from: place, pick: most_common}
          address: {join: [place, kind], with: ", "}
          salary_type: {from: kind, values: {H: hourly, M: monthly}}
          min_salary: {from: pay, pick: max}
          occupation_code: {from: title, cut: ['\\(.*\\)'], lookup: occupations}
          employment_type_code: {value: 3}
          posted_at: {from: seen, pick: min}
          expires_at: {from: until, pick: max}
        rules:
          - {column: min_salary, min: 0, max: 1000000, else: missing}
          - {column: posted_at, max: 2026-01-01, else: missing}
          - {column: expires_at, after: posted_at, else: missing}
      users:
        from: [views, wishes]
        one_row_per: user_id
        columns:
          user_id: who
          preferred_occupations: {from: wish, lookup: occupations, pick: all}
      actions:
        from: views
        columns:
          user_id: who
          job_id: ad
          action: {value: view}
          occurred_at: seen
        rules:
          - {column: occurred_at, min: 2014-01-01, max: 2026-01-01}
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    write(tmp_path / "views.csv", VIEWS)
    write(tmp_path / "wishes.csv", "who,wish\nann,COOK\nann, waiter\nann,cook\ndan,pilot\n")
    return write(tmp_path / "map.yaml", MAPPING)


def test_names_in_one_field_are_looked_up_separately(sqlite: Database, tmp_path: Path) -> None:
    write(tmp_path / "trades.csv", "occupation_code,name\n1,Cook\n2,Waiter\n3,Bar|Night\n")
    write(tmp_path / "people.csv", "user_id,wish\n1,cook| Waiter\n2,Cook|Pilot|\n3,\n4,Bar|Night\n5,Pilot\n")
    lists = pd.DataFrame({"user_id": [6, 7], "wish": [["Waiter", "Cook", None, "Pilot"], None]})
    lists.to_parquet(tmp_path / "lists.parquet")
    import_file(sqlite, "occupations", tmp_path / "trades.csv")
    mapping = {"columns": {"preferred_occupations": {"from": "wish", "lookup": "occupations"}}}
    for name, missed in (("people.csv", 2), ("lists.parquet", 1)):
        report = import_file(sqlite, "users", tmp_path / name, mapping)
        message = f"preferred_occupations does not exist in occupations; most often 'Pilot' ({missed})"
        assert report.cleared == {message: missed}
    assert load_users(sqlite)["preferred_occupations"].tolist() == [[1, 2], [1], [], [3], [], [2, 1], []]


def test_mapping_fills_several_tables_from_several_files(database: Database, mapping: Path) -> None:
    reports = {report.table: report for report in import_mapping(database, mapping)}
    tables = load_tables(database)
    codes = tables.occupations.set_index("name")["occupation_code"].to_dict()
    assert codes == {"cook": 1, "WAITER": 2}

    jobs = tables.jobs.set_index("job_id")
    assert jobs.index.tolist() == [1, 2, 3, 4]
    assert jobs["title"].tolist() == ["Cook (nights)", "WAITER", "cook", "cook"]
    assert jobs["city_code"].fillna("").tolist() == ["Tokyo", "", "Osaka", "Osaka"]
    assert jobs["address"].tolist() == ["Tokyo, H", "M", "Osaka, H", "Osaka, H"]
    assert jobs["salary_type"].tolist() == ["hourly", "monthly", "hourly", "hourly"]
    assert jobs["min_salary"].fillna(-1).tolist() == [1200, -1, -1, 1]
    assert jobs["occupation_code"].tolist() == [1, 2, 1, 1]
    assert jobs["employment_type_code"].tolist() == [3] * 4
    assert jobs.loc[1, "posted_at"] == pd.Timestamp("2025-01-01T09:00Z")
    assert jobs.loc[1, "expires_at"] == pd.Timestamp("2025-03-01T00:00Z")
    assert jobs.loc[[2, 3], "expires_at"].isna().all()
    assert pd.isna(jobs.loc[3, "posted_at"])
    cleared = reports["jobs"].cleared
    assert cleared["min_salary below 0 or above 1000000"] == 2
    assert cleared["posted_at above 2026-01-01"] == 1
    assert cleared["expires_at not after posted_at"] == 1
    assert (reports["jobs"].read, reports["jobs"].merged) == (6, 2)

    users = tables.users.set_index("external_id").sort_index()
    assert users.index.tolist() == ["ann", "bob", "dan", "eve"]
    assert users.loc["ann", "preferred_occupations"] == [1, 2]
    message = "preferred_occupations does not exist in occupations; most often 'pilot' (1)"
    assert reports["users"].cleared == {message: 1}
    assert (reports["users"].read, reports["users"].merged, reports["users"].rejected) == (10, 5, 1)

    actions = reports["actions"]
    assert (actions.read, actions.stored, actions.merged, actions.rejected) == (6, 3, 1, 2)
    assert actions.reasons == {"user_id is missing": 1, "occurred_at is below 2014-01-01 or above 2026-01-01": 1}


def test_second_import_of_a_mapping_gives_the_same_numbers(sqlite: Database, mapping: Path) -> None:
    import_mapping(sqlite, mapping)
    before = load_tables(sqlite)
    import_mapping(sqlite, mapping, replace=True)
    assert_same(load_tables(sqlite), before)


def test_files_are_searched_in_base_folder_then_mapping_folder(sqlite: Database, mapping: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "data"
    elsewhere.mkdir()
    (tmp_path / "views.csv").rename(elsewhere / "views.csv")
    with raises_data("missing file", path="views.csv"):
        import_mapping(sqlite, mapping)
    assert len(import_mapping(sqlite, mapping, elsewhere)) == 4


@pytest.mark.parametrize(
    ("change", "line", "key", "word"),
    [
        (("one_row_per: job_id", "one_row_for: job_id"), 13, "tables.jobs.one_row_for", "unknown key"),
        (("title: {from: title, pick", "titel: {from: title, pick"), 16, "tables.jobs.columns.titel", "mean title"),
        (("      users:", "      user:"), 29, "tables.user", "mean users"),
        (("pick: max}", "pick: median}"), 20, "tables.jobs.columns.min_salary.pick", "most_common"),
        (("join: [place", "joined: [place"), 18, "tables.jobs.columns.address.joined", "unknown key"),
        (("from: [views, wishes]", "from: [views, wish]"), 30, "tables.users.from", "wish"),
        (("cut: ['\\(.*\\)']}", "cut: ['(']}"), 9, "tables.occupations.columns.occupation_code.cut.0", "regular"),
        (("lookup: occupations}", "lookup: companies}"), 21, "tables.jobs.columns.occupation_code", "companies"),
        (("{value: 3}", "{value: 3, from: ad}"), 22, "tables.jobs.columns.employment_type_code", "exactly one"),
        (("min: 0, max: 1000000, ", ""), 26, "tables.jobs.rules.0", "needs"),
        (("one_row_per: user_id", "one_row_per: gender"), 31, "tables.users.one_row_per", "gender"),
        (("    tables:", "    tables: ["), 6, "", "YAML"),
    ],
)  # fmt: skip
def test_error_of_invalid_mapping_names_file_line_and_key(
    sqlite: Database, mapping: Path, change: tuple[str, str], line: int | None, key: str, word: str
) -> None:
    text = mapping.read_text()
    old, new = (textwrap.dedent(part) if part.startswith("    tables") else part for part in change)
    old, new = old.replace("      user", "  user"), new.replace("      user", "  user")
    assert old in text
    mapping.write_text(text.replace(old, new, 1))
    with raises_at(ConfigurationError, *filter(None, key.split(".")), line=line, match=word):
        import_mapping(sqlite, mapping)
    assert len(load_jobs(sqlite)) == 0


def test_error_names_missing_source_column(sqlite: Database, tmp_path: Path) -> None:
    path = jobs_csv(tmp_path, "Job.ID,Title\n1,x\n")
    with raises_data("missing column", table="jobs", column="Titel"):
        import_file(sqlite, "jobs", path, {"columns": {"job_id": "Job.ID", "title": "Titel"}})


def test_unsafe_yaml_is_not_executed(sqlite: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "evil.yaml", f"columns: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']\n")
    with raises_at(ConfigurationError, path=str(path), line=1, match="YAML"):
        import_file(sqlite, "jobs", jobs_csv(tmp_path, "job_id\n1\n"), path)
    assert not (tmp_path / "made").exists()


FIELD = st.sampled_from(
    ["1", "2", "3.0", "x", "", "inf", "2025-01-01", "view", "click", "NA", '"', "a,b", "9" * 25, "\0"]
)


@pytest.mark.parametrize("examples", [4, pytest.param(20, marks=pytest.mark.long)])
def test_read_equals_stored_plus_merged_plus_rejected(tmp_path: Path, examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(rows=st.lists(st.tuples(FIELD, FIELD, FIELD, FIELD), max_size=8), replace=st.booleans())
    def check(rows: list[tuple[str, ...]], replace: bool) -> None:
        check_counts_of_import(tmp_path, rows, replace)

    check()


def check_counts_of_import(tmp_path: Path, rows: list[tuple[str, ...]], replace: bool) -> None:
    with Database.open("sqlite://") as database:
        save_tables(database, small_tables())
        for table, columns in (
            ("actions", ["user_id", "job_id", "action", "occurred_at"]),
            ("jobs", ["job_id", "fee", "posted_at", "is_active"]),
        ):
            path = tmp_path / "any.csv"
            pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
            before = len(load_jobs(database) if table == "jobs" else load_actions(database))
            report = import_file(database, table, path, refused_to=tmp_path / "refused.csv", replace=replace)
            after = len(load_jobs(database) if table == "jobs" else load_actions(database))
            assert report.read == len(rows) == report.stored + report.merged + report.rejected
            assert after == report.stored + (0 if replace else before)
            assert sum(report.reasons.values()) == report.rejected


def test_unclosed_quote_raises(sqlite: Database, tmp_path: Path) -> None:
    path = jobs_csv(tmp_path, 'job_id,title\n1,a\n2,"b\n3,c\n')
    with raises_data("open quote", line=3):
        import_file(sqlite, "jobs", path)
    assert len(load_jobs(sqlite)) == 0


def test_error_names_duplicate_column(sqlite: Database, tmp_path: Path) -> None:
    with raises_data("duplicate column", column="title"):
        import_file(sqlite, "jobs", jobs_csv(tmp_path, "job_id,title,title\n1,a,b\n"))


def test_canonical_name_has_priority_over_an_earlier_alias(sqlite: Database, tmp_path: Path) -> None:
    report = import_file(sqlite, "jobs", jobs_csv(tmp_path, "job_id,pref_cd,prefecture_code\n1,27,13\n"))
    assert load_jobs(sqlite)["prefecture_code"].tolist() == ["13"]
    assert report.ignored == ("pref_cd",)


def test_nothing_is_stored_if_rejected_rows_cannot_be_written(sqlite: Database, tmp_path: Path) -> None:
    path = jobs_csv(tmp_path, "job_id,fee\n1,5\n2,much\n")
    blocked = tmp_path / "file"
    blocked.touch()
    with raises_with(OutputError, errno=errno.EEXIST):
        import_file(sqlite, "jobs", path, refused_to=blocked)
    assert len(load_jobs(sqlite)) == 0


def test_text_codes_are_numbered_above_codes_beyond_2_to_53(sqlite: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "occupations.csv", f"occupation_code\n{2**53 + 1}\nabc\n")
    import_file(sqlite, "occupations", path)
    assert load_tables(sqlite).occupations["occupation_code"].tolist()[-2:] == [2**53 + 1, 2**53 + 2]
    with raises_data("too large", table="occupations", column="occupation_code", value=str(2**63 - 1)):
        import_file(sqlite, "occupations", write(path, f"occupation_code\n{2**63 - 1}\nabd\n"))


def test_texts_of_codes_are_rejected_with_advice(sqlite: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "occupations.csv", "occupation_code,name,major_code\n1,Nurse,Care\n2,Cook,7\n")
    report = import_file(sqlite, "occupations", path)
    ((reason, count),) = report.reasons.items()
    assert count == 1
    assert reason.startswith("major_code is not a number")
    assert "`values`" in reason


def test_text_id_is_kept_if_the_external_id_is_blank(sqlite: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "occupations.csv", "occupation_code,name\nNurse,\n")
    import_file(sqlite, "occupations", path)
    assert "Nurse" in load_tables(sqlite).occupations["name"].tolist()


def test_hexadecimal_text_is_a_text_id(sqlite: Database, tmp_path: Path) -> None:
    import_file(sqlite, "jobs", jobs_csv(tmp_path, "job_id\n0x10\n17\n"))
    assert load_jobs(sqlite)["external_id"].tolist()[0] == "0x10"


@pytest.mark.parametrize(
    ("text", "line", "key", "word"),
    [
        ("sources: {a: a.csv}\ntables:\n  jobs: {from: a}\n  jobs: {from: a}\n", 4, ("tables", "jobs"), "duplicate"),
        ("a: !!python/name:os.system\n", 1, (), "YAML"),
        ("[" * 1000, None, (), "YAML"),
    ],
)
def test_mapping_that_is_not_plain_yaml_raises(
    sqlite: Database, tmp_path: Path, text: str, line: int | None, key: tuple[str, ...], word: str
) -> None:
    with raises_at(ConfigurationError, *key, path=str(tmp_path / "m.yaml"), line=line, match=word):
        import_mapping(sqlite, write(tmp_path / "m.yaml", text))


def test_mapping_reads_sources_of_several_kinds(sqlite: Database, tmp_path: Path) -> None:
    (tmp_path / "jobs.txt").write_bytes("1;東京\n2;大阪\n".encode("cp932"))
    write(tmp_path / "users.jsonl", '{"id": {"nr": 5}}\n')
    with sqlite3.connect(tmp_path / "log.sqlite") as log:
        log.execute("CREATE TABLE views (u, j, at)")
        log.execute("INSERT INTO views VALUES (5, 2, '2025-06-01')")
    log.close()
    mapping = write(
        tmp_path / "map.yaml",
        f"""
        sources:
          jobs: {{file: jobs.txt, encoding: cp932, delimiter: ;, header: [nr, title]}}
          users: users.jsonl
          log: {{file: log.sqlite, table: views}}
          same_log: {{url: "sqlite:///{tmp_path}/log.sqlite", query: "SELECT u, j, at FROM views"}}
        tables:
          jobs: {{from: jobs, columns: {{job_id: nr}}}}
          users: {{from: users, columns: {{user_id: id.nr}}}}
          actions:
            from: [log, same_log]
            columns: {{user_id: u, job_id: j, occurred_at: at, action: {{value: view}}}}
        """,
    )
    reports = import_mapping(sqlite, mapping)
    assert load_jobs(sqlite)["title"].tolist() == ["東京", "大阪"]
    assert load_users(sqlite)["user_id"].tolist() == [5]
    assert (reports[2].read, reports[2].stored, reports[2].merged) == (2, 1, 1)


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("{file: a.csv, encoding: cp93}", "encoding"),
        ("{file: a.csv, delimiter: ';;'}", "delimiter"),
        ("{file: a.csv, url: 'sqlite://'}", None),
        ("{url: 'sqlite://'}", None),
        ("{file: a.csv, sheets: x}", "sheets"),
    ],
)
def test_invalid_source_option_names_line_and_key(
    sqlite: Database, tmp_path: Path, source: str, key: str | None
) -> None:
    path = write(tmp_path / "map.yaml", f"tables: {{}}\nsources:\n  a: {source}\n")
    with raises_at(ConfigurationError, *filter(None, ("sources", "a", key)), path=str(path), line=3):
        import_mapping(sqlite, path)


def test_unknown_codes_are_those_after_the_whole_mapping(tmp_path: Path) -> None:
    """The reference table follows the jobs in the mapping."""
    write(tmp_path / "jobs.csv", "job_id,salary_type,prefecture_code\n1,時給,TX\n2,hourly,CA\n3,時給,TX\n")
    write(tmp_path / "regions.csv", "prefecture_code,name\nTX,Texas\n")
    mapping = """
        sources: {j: {file: jobs.csv}, r: {file: regions.csv}}
        tables: {jobs: {from: j}, prefectures: {from: r}}
        """
    with Database.open(tmp_path / "board.db") as database:
        reports = import_mapping(database, write(tmp_path / "map.yaml", mapping))
    assert list(reports[0].notes.values()) == [2, 1]
    assert "時給" in next(iter(reports[0].notes))


def test_report_does_not_list_thousands_of_unused_columns(sqlite: Database, tmp_path: Path) -> None:
    names = ",".join(f"c{n}" for n in range(5_000))
    report = import_file(sqlite, "jobs", jobs_csv(tmp_path, f"job_id,{names}\n1{',' * 5_000}\n"))
    assert len(report.ignored) == 5_000
    assert max(map(len, report.lines())) < 500


@pytest.mark.parametrize("column", ["posted_at", "expires_at"])
@pytest.mark.parametrize("cell", ["30.06.2025", "1748912700"])
def test_time_in_another_format_names_the_key(tmp_path: Path, column: str, cell: str) -> None:
    (tmp_path / "jobs.csv").write_text(f"job_id,{column}\n1,{cell}\n")
    with Database.open("sqlite://") as database:
        (reason,) = import_file(database, "jobs", tmp_path / "jobs.csv").reasons
    assert reason.startswith(f"{column} is not a time")
    assert "`format`, `unit` or `zone`" in reason


@pytest.mark.parametrize(
    ("target", "column", "noted"),
    [
        ("salary_type", {"from": "x", "values": {"H": "hourly"}}, ["salary_type is not in `values`"]),
        (
            "salary_type",
            {"from": "x", "values": {"A": "wekly"}},
            ["salary_type is not in `values`", "salary_type 'wekly'"],
        ),
        ("prefecture_code", {"from": "x", "values": {"H": 13}}, ["prefecture_code is not in `values`"]),
        ("prefecture_code", {"from": "x", "lookup": "prefectures", "else": "keep"}, ["prefecture_code does not exist"]),
    ],
)
def test_unlisted_value_is_noted_once(tmp_path: Path, target: str, column: dict[str, Any], noted: list[str]) -> None:
    (tmp_path / "jobs.csv").write_text("job_id,x\n1,A\n2,７７\n3,Weekly\n4,weekly\n")
    with Database.open("sqlite://") as database:
        report = import_file(database, "jobs", tmp_path / "jobs.csv", {"columns": {target: column}})
    assert [note for note in report.notes if not any(map(note.startswith, noted))] == []
    assert len(report.notes) == len(noted)


def write_mapping(folder: Path, board: str, tables: str = "jobs: {from: jobs}\n  users: {from: users}") -> Path:
    write(folder / "jobs.csv", "job_id,title\n1,Cook\n")
    write(folder / "users.csv", "user_id\n1\n")
    write(folder / "regions.csv", "prefecture_code,name\nZH,Zürich\nBE,Bern\n")
    text = f"board: {board}\nsources: {{jobs: jobs.csv, users: users.csv, regions: regions.csv}}\ntables:\n  {tables}\n"
    return write(folder / "mapping.yaml", text)


def test_new_database_has_the_preset_and_words_of_the_mapping(database_url: str, tmp_path: Path) -> None:
    with Database.open(database_url) as database:
        database.create()  # without rows, its preset is open
        import_mapping(database, write_mapping(tmp_path, "{preset: none, currency: CHF, region: canton}"))
        tables = load_tables(database)
        assert tables.board.settings == {"preset": "none", "currency": "CHF", "region": "canton"}
        assert not len(tables.prefectures) + len(tables.prefecture_adjacency) + len(tables.occupations)
        import_mapping(database, write_mapping(tmp_path, "{region: Kanton}"), update=True)
        assert load_tables(database).board.settings == {"preset": "none", "currency": "CHF", "region": "Kanton"}
        with raises_at(ConfigurationError, "board", "preset"):
            import_mapping(database, write_mapping(tmp_path, "{preset: japan}"), update=True)
        import_file(database, "jobs", tmp_path / "jobs.csv", write_mapping(tmp_path, "{currency: EUR}"), update=True)
        assert load_tables(database).board.currency == "EUR"


@pytest.mark.parametrize(("board", "key", "line"), [("{curency: CHF}", "curency", 1), ("{preset: swiss}", "preset", 1)])
def test_invalid_board_is_refused(sqlite: Database, tmp_path: Path, board: str, key: str, line: int) -> None:
    with raises_at(ConfigurationError, "board", key, line=line):
        import_mapping(sqlite, write_mapping(tmp_path, board))


def test_new_prefectures_note_that_old_pairs_stay(sqlite: Database, tmp_path: Path) -> None:
    save_tables(sqlite, small_tables())
    pairs = len(load_tables(sqlite).prefecture_adjacency)
    mapping = write_mapping(tmp_path, "{}", "prefectures: {from: regions, replace: true}")
    (report,) = import_mapping(sqlite, mapping)
    ((note, count),) = report.notes.items()
    assert "old pairs of neighbours stay" in note
    assert count == pairs
    (again,) = import_mapping(sqlite, mapping)
    assert not again.notes  # nothing has changed
