"""`scoring live` as a process on SQLite: every promise of its HTTP interface."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from scoring.database.database import Database
from scoring.live.event_log import EventLog
from tests.support.live_server import TOKENS, LiveServer, make_live_market, run_live, serve_live

SCORES = ["total_score", "base_score", "match_score", "personal_score"]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a database that has the log and its triggers. Tests must not change it."""
    folder = tmp_path_factory.mktemp("live")
    make_live_market(folder)
    done = run_live(folder, "--install")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def server(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Yield a server of a copy of the market. Tests may write rows with ids of their own."""
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(market / "market.db", folder)
    with serve_live(folder, "--tokens", "tokens", "--access-log", "--allow-host", "live.example") as found:
        yield found


@pytest.fixture
def folder(market: Path, tmp_path: Path) -> Path:
    """Return a folder with a copy of the market, for a server of one test."""
    shutil.copy(market / "market.db", tmp_path)
    return tmp_path


def make_job(job_id: int, **values: Any) -> dict[str, Any]:
    return {
        "kind": "job",
        "row": {"job_id": job_id, "fee": 900_000, "prefecture_code": "13", "posted_at": None, **values},
    }


def listed(server: LiveServer, user: int, **options: Any) -> list[int]:
    return [job["job_id"] for job in server.get(f"/users/{user}/jobs", **options).json["jobs"]]


# --- Lists -----------------------------------------------------------------------------------------------------------


def test_list_states_its_basis_and_event(server: LiveServer) -> None:
    answer = server.get("/users/1/jobs")
    assert answer.status == 200
    content = answer.json
    assert list(content) == ["user_id", "basis", "seq", "as_of", "frozen", "jobs"]
    assert (content["user_id"], content["frozen"]) == (1, [])
    assert content["basis"] >= 1
    assert re.fullmatch(r"20\d\d-.*\+00:00", content["as_of"])
    assert 1 <= len(content["jobs"]) <= 40
    assert list(content["jobs"][0]) == ["job_id", *SCORES]
    totals = [job["total_score"] for job in content["jobs"]]
    assert totals == sorted(totals, reverse=True)
    assert answer.headers["cache-control"] == "no-store"


def test_written_job_is_read_after_its_event(server: LiveServer) -> None:
    written = server.post(server.copy_best_job(70_001))
    assert written.status == 200
    assert (written.json["n_written"], written.json["rejected"]) == (1, [])
    seq = written.json["seq"]
    answer = server.get_after("/users/1/jobs", seq)
    assert answer.json["seq"] >= seq
    assert 70_001 in [job["job_id"] for job in answer.json["jobs"]]
    deleted = server.post({"kind": "job", "id": 70_001, "deleted": True})
    assert server.get_after("/users/1/jobs", deleted.json["seq"]).json["seq"] >= deleted.json["seq"]
    assert 70_001 not in listed(server, 1)


def test_change_by_another_program_is_seen(server: LiveServer) -> None:
    best = listed(server, 1)[0]
    with sqlite3.connect(server.folder / "market.db") as connection:
        connection.execute("UPDATE jobs SET is_active = 0 WHERE job_id = ?", [best])
    connection.close()
    until = time.monotonic() + 30
    while best in listed(server, 1):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_event_that_is_not_reached_is_409_after_a_second(server: LiveServer) -> None:
    start = time.monotonic()
    answer = server.get("/users/1/jobs?after=9000000000")
    assert (answer.status, answer.code) == (409, "not_reached")
    assert 0.9 < time.monotonic() - start < 20
    assert answer.headers["retry-after"] == "1"


def test_waiting_requests_do_not_delay_others(server: LiveServer) -> None:
    with ThreadPoolExecutor(50) as pool:
        waiting = [pool.submit(server.get, "/users/1/jobs?after=9000000000") for _ in range(50)]
        start = time.monotonic()
        assert server.get("/health").status == 200
        assert time.monotonic() - start < 10
        assert {future.result().status for future in waiting} == {409}


@pytest.mark.parametrize(
    "user",
    ["999999999", "-5", str(2**63 - 1), str(2**63), "9" * 60, "0x1", "1e3", "none", "1.0", "%20", "%00", "%ff", "01"],
)
def test_unknown_user_is_404(server: LiveServer, user: str) -> None:
    answer = server.get(f"/users/{user}/jobs")
    assert (answer.status, answer.code) == (404, "unknown_user")


def test_text_ids_are_accepted_and_returned(server: LiveServer) -> None:
    job = server.copy_best_job(0)
    del job["row"]["external_id"]
    job["row"]["job_id"] = "求人 7"
    written = server.post({"kind": "user", "row": {"user_id": "東京 A-1", "is_active": True}}, job)
    assert written.json["rejected"] == []
    answer = server.get_after("/users/%E6%9D%B1%E4%BA%AC%20A-1/jobs", written.json["seq"])
    assert answer.status == 200
    assert answer.json["user_id"] < -(2**52) + 1
    (found,) = [job for job in server.get("/users/1/jobs").json["jobs"] if "external_id" in job]
    assert found["external_id"] == "求人 7"
    explained = server.get("/users/1/jobs/%E6%B1%82%E4%BA%BA%207/explain", token="explain").json
    assert (explained["job_external_id"], explained["total_score"]) == ("求人 7", found["total_score"])
    server.post({"kind": "job", "id": "求人 7", "deleted": True})


def test_inactive_user_is_410(server: LiveServer) -> None:
    written = server.post({"kind": "user", "row": {"user_id": 70_003, "is_active": False}})
    answer = server.get_after("/users/70003/jobs", written.json["seq"])
    assert (answer.status, answer.code) == (410, "inactive_user")


def test_explanation_has_the_scores_of_the_list(server: LiveServer) -> None:
    job = server.get("/users/2/jobs").json["jobs"][0]
    answer = server.get(f"/users/2/jobs/{job['job_id']}/explain", token="explain")
    assert answer.status == 200
    content = answer.json
    assert {name: content[name] for name in SCORES} == {name: job[name] for name in SCORES}
    assert content["not_ranked"] == []
    assert sum(part["points"] for part in content["components"]) == pytest.approx(content["total_score"], rel=1e-5)


@pytest.mark.parametrize(
    ("user", "job", "code"), [("999999999", "1", "unknown_user"), ("1", "999999999", "unknown_job")]
)
def test_explanation_of_an_unknown_pair_is_404(server: LiveServer, user: str, job: str, code: str) -> None:
    answer = server.get(f"/users/{user}/jobs/{job}/explain", token="explain")
    assert (answer.status, answer.code) == (404, code)


@pytest.mark.parametrize(
    "query",
    ["?after=", "?after=-1", "?after=1.5", "?after=x", "?after=1&after=2", "?token=x", "?after=9" + "9" * 30, "?x"],
)
def test_invalid_query_is_400(server: LiveServer, query: str) -> None:
    answer = server.get(f"/users/1/jobs{query}")
    assert (answer.status, answer.code) == (400, "invalid_query")


# --- Tokens and headers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/users/1/jobs", "read"), ("GET", "/users/1/jobs/1/explain", "explain"), ("POST", "/events", "write"),
        ("POST", "/confirm", "write"), ("POST", "/verify", "write"), ("GET", "/metrics", "read"),
    ],
)  # fmt: skip
def test_each_route_requires_its_own_token(server: LiveServer, method: str, path: str, scope: str) -> None:
    missing = server.ask(method, path, None)
    assert (missing.status, missing.code, missing.headers["www-authenticate"]) == (401, "unauthorized", "Bearer")
    assert server.ask(method, path, "x" * 25).status == 401
    for other in set(TOKENS) - {scope}:
        assert (answer := server.ask(method, path, other)).status == 403
        assert answer.code == "wrong_token"


def test_token_in_a_cookie_or_the_query_is_not_read(server: LiveServer) -> None:
    token = TOKENS["read"]
    assert server.get("/users/1/jobs", token=None, headers={"Cookie": f"token={token}"}).status == 401
    assert server.get(f"/users/1/jobs?access_token={token}", token=None).status == 401


def test_health_shows_the_status_to_readers_only(server: LiveServer) -> None:
    assert server.get("/health", token=None).json == {"status": "ok"}
    assert server.get("/health", token="write").json == {"status": "ok"}
    content = server.get("/health").json
    assert content["basis"] >= 1
    assert content["has_triggers"] is True


def test_web_pages_and_unknown_hosts_are_refused(server: LiveServer) -> None:
    assert server.get("/users/1/jobs", headers={"Origin": "http://127.0.0.1"}).code == "origin_not_allowed"
    assert server.get("/users/1/jobs", headers={"Host": "evil.example"}).code == "unknown_host"
    preflight = server.ask(
        "OPTIONS", "/events", None, headers={"Origin": "http://a", "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status == 403
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_allowed_host_is_accepted(server: LiveServer) -> None:
    assert server.get("/users/1/jobs", headers={"Host": "live.example:80"}).status == 200
    assert server.get("/users/1/jobs", headers={"Host": "other.example"}).status == 421


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404), ("GET", "/users", 404), ("GET", "/users/1/jobs/", 404), ("GET", "//users/1/jobs", 404),
        ("GET", "/users/../users/1/jobs", 404), ("GET", "/users/1/jobs/1/explain/x", 404),
        ("GET", "/docs/../events", 404),
        ("GET", "/USERS/1/jobs", 404), ("GET", "/users/1%2F2/jobs", 404), ("PUT", "/events", 405),
        ("GET", "/events", 405),
        ("DELETE", "/users/1/jobs", 405), ("TRACE", "/users/1/jobs", 405), ("BREW", "/health", 405),
        ("GET", "/redoc", 404),
    ],
)  # fmt: skip
def test_other_paths_and_methods_are_errors_in_json(server: LiveServer, method: str, path: str, status: int) -> None:
    answer = server.ask(method, path)
    assert answer.status == status
    assert set(answer.json) == {"error"}
    assert answer.headers["content-type"] == "application/json"


# --- Events ----------------------------------------------------------------------------------------------------------


def test_invalid_rows_are_rejected_by_position(server: LiveServer) -> None:
    answer = server.post(
        make_job(70_010), {"kind": "job", "row": {"job_id": "x" * 3, "fee": "much"}}, {"kind": "company"}, {}
    )
    assert answer.status == 200
    assert answer.json["n_written"] == 1
    assert [entry["position"] for entry in answer.json["rejected"]] == [1, 2, 3]
    assert all(entry["reason"] for entry in answer.json["rejected"])


@pytest.mark.parametrize(
    "row",
    [
        {"job_id": 2**63}, {"job_id": -(2**63) - 1}, {"job_id": 1.5}, {"job_id": True}, {"job_id": None},
        {"job_id": []},
        {"job_id": {}}, {}, {"job_id": 5, "fee": "x"}, {"job_id": 5, "fee": 1e308},
        {"job_id": 5, "posted_at": "yesterday"},
        {"job_id": 5, "posted_at": 10**30}, {"job_id": 5, "title": ["a"]}, {"job_id": 5, "company_id": "a\x00b"},
    ],
)  # fmt: skip
def test_wrong_values_never_fail_the_service(server: LiveServer, row: dict[str, Any]) -> None:
    answer = server.post({"kind": "job", "row": row})
    assert answer.status == 200
    assert answer.json["n_written"] + len(answer.json["rejected"]) == 1
    assert server.get_after("/users/1/jobs", answer.json["seq"]).status == 200


def test_idempotency_key_writes_once(server: LiveServer) -> None:
    headers = {"Idempotency-Key": "once-1"}
    first = server.post(make_job(70_020), headers=headers)
    again = server.post(make_job(70_020), headers=headers)
    assert (first.status, again.content) == (200, first.content)
    other = server.post(make_job(70_021), headers=headers)
    assert (other.status, other.code) == (422, "invalid_data")
    assert server.post(make_job(70_022), headers={"Idempotency-Key": "x" * 129}).code == "invalid_idempotency_key"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"), (b"{", "invalid_json"), (b"\xff", "invalid_json"),
        (b'{"events":[{"a":NaN}]}', "invalid_json"),
        (b"[" * 500_000, "invalid_json"), (b'{"events":[]}', "invalid_body"), (b"[]", "invalid_body"),
    ],
)  # fmt: skip
def test_invalid_body_is_400(server: LiveServer, body: bytes, code: str) -> None:
    answer = server.ask("POST", "/events", "write", body)
    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": ""},
        {"Content-Type": "application/json; charset=utf-16"}, {"Content-Encoding": "gzip"},
    ],
)  # fmt: skip
def test_body_of_another_type_is_415(server: LiveServer, headers: dict[str, str]) -> None:
    answer = server.post(make_job(70_030), headers=headers)
    assert answer.status == 415


def test_body_of_more_than_a_mebibyte_is_413(server: LiveServer) -> None:
    text = "x" * 2**20
    assert server.post(make_job(70_031, company_id=text)).code == "too_large"
    assert server.ask("POST", "/events", "write", b" " * (7 * 2**20)).status == 413
    largest = json.dumps({"events": [make_job(70_032)]}).encode().ljust(2**20)
    assert server.ask("POST", "/events", "write", largest).status == 200
    many = {"events": [make_job(70_033)] * 1001}
    assert server.ask("POST", "/events", "write", many).code == "too_many_events"


def raw_post(*headers: str, token: str = "write") -> bytes:
    lines = ["POST /events HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {TOKENS[token]}"]
    return "\r\n".join([*lines, "Content-Type: application/json", *headers, "", ""]).encode()


def status_of(received: bytes) -> int:
    return int(received.split(b" ", 2)[1])


def test_chunked_body_is_counted(server: LiveServer) -> None:
    body = json.dumps({"events": [make_job(70_034)]}).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    assert status_of(server.send_raw(raw_post("Transfer-Encoding: chunked", "Connection: close") + chunks)) == 200
    large = (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 17 + b"0\r\n\r\n"
    assert status_of(server.send_raw(raw_post("Transfer-Encoding: chunked", "Connection: close") + large)) == 413


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /health HTTP/1.1\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nA\x00: b\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)  # fmt: skip
def test_invalid_http_is_400_in_json(server: LiveServer, content: bytes) -> None:
    received = server.send_raw(content, end=True)
    assert status_of(received) == 400
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["code"] == "invalid_http"
    assert server.get("/health").status == 200


@pytest.mark.parametrize("length", [17_000, 70_000, 500_000])
def test_long_headers_are_refused(server: LiveServer, length: int) -> None:
    lines = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nA: " + b"x" * length + b"\r\n\r\n"
    assert status_of(server.send_raw(lines)) in (400, 431)


def test_invalid_chunk_closes_the_connection(server: LiveServer) -> None:
    received = server.send_raw(raw_post("Transfer-Encoding: chunked") + b"zz\r\nabc\r\n", end=True)
    assert received == b"" or status_of(received) == 400
    assert server.get("/health").status == 200


def test_http_1_0_is_answered(server: LiveServer) -> None:
    received = server.send_raw(
        f"GET /users/1/jobs HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKENS['read']}\r\n\r\n".encode()
    )
    assert status_of(received) == 200
    assert status_of(server.send_raw(b"GET /health HTTP/1.0\r\n\r\n")) == 421


def test_duplicate_authorization_is_refused(server: LiveServer) -> None:
    received = server.send_raw(
        raw_post(f"Authorization: Bearer {TOKENS['read']}", "Connection: close", "Content-Length: 0")
    )
    assert status_of(received) == 400


def test_slow_body_is_408_and_slow_headers_are_closed(server: LiveServer) -> None:
    start = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        body = pool.submit(server.send_raw, raw_post("Content-Length: 100") + b"{")
        headers = pool.submit(server.send_raw, b"GET /health HTTP/1.1\r\nHost: 127")
        assert status_of(body.result()) == 408
        assert headers.result() == b""
    assert 4 < time.monotonic() - start < 60


def test_client_that_disconnects_does_no_harm(server: LiveServer) -> None:
    for content in (raw_post("Content-Length: 100") + b"{", b"GET /users/1/jobs?after=99999999 HTTP/1.1\r\nHost: 127"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(content)
    assert server.get("/health").status == 200


# --- Load ------------------------------------------------------------------------------------------------------------


def test_more_than_200_requests_at_once_get_503(server: LiveServer) -> None:
    """Bodies that do not end keep 200 requests open for 5 seconds, also on a busy machine."""
    request = raw_post("Content-Length: 100", "Connection: close") + b"{"
    connections = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(300)]
    try:
        for connection in connections:
            connection.sendall(request)
        statuses = [status_of(connection.recv(65_536)) for connection in connections]
    finally:
        for connection in connections:
            connection.close()
    assert set(statuses) == {408, 503}
    assert statuses.count(408) >= 200
    assert server.get("/users/1/jobs").status == 200


def test_writers_and_readers_at_once_read_their_writes(server: LiveServer) -> None:
    def write_and_read(number: int) -> None:
        for turn in range(5):
            job = 71_000 + 10 * number + turn
            seq = server.post(make_job(job)).json["seq"]
            answer = server.get_after(f"/users/{1 + number}/jobs", seq)
            assert answer.json["seq"] >= seq
            server.post({"kind": "job", "id": job, "deleted": True})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write_and_read, range(6)))


def test_service_of_a_postgres_database(tmp_path: Path, postgres_url: str) -> None:
    """The log has triggers, another program writes, and a second process starts with all writes."""
    make_live_market(tmp_path, url=postgres_url)
    with Database.open(postgres_url) as database:
        EventLog(database).install()
        with serve_live(tmp_path, "--tokens", "tokens", db=postgres_url) as server:
            written = server.post(server.copy_best_job(74_000))
            answer = server.get_after("/users/1/jobs", written.json["seq"])
            assert 74_000 in [job["job_id"] for job in answer.json["jobs"]]
            explained = server.get("/users/1/jobs/74000/explain", token="explain").json
            assert explained["total_score"] == next(
                job["total_score"] for job in answer.json["jobs"] if job["job_id"] == 74_000
            )
            with database.begin() as connection:
                connection.exec_driver_sql("UPDATE jobs SET is_active = false WHERE job_id = 74000")
            answer = server.get_after("/users/1/jobs", EventLog(database).end().seq)
            assert 74_000 not in [job["job_id"] for job in answer.json["jobs"]]
            report = server.ask("POST", "/verify", "write").json
            assert report["is_exact"], report["text"]
            health = server.get("/health").json
            assert (health["status"], health["has_triggers"], health["is_leader"]) == ("ok", True, True)
            assert server.stop()[0] == 0
        with serve_live(tmp_path, "--tokens", "tokens", db=postgres_url) as server:
            assert server.get("/users/1/jobs").json["seq"] >= answer.json["seq"]


def test_waiting_request_is_one_early_read(server: LiveServer) -> None:
    def count() -> int:
        (line,) = re.findall(r'scoring_live_reads_total\{result="too early"\} (\d+)', metrics())
        return int(line)

    def metrics() -> str:
        return server.get("/metrics").content.decode()

    assert server.get("/users/1/jobs?after=9000000000").status == 409
    before = count()
    assert server.get("/users/1/jobs?after=9000000000").status == 409
    assert count() == before + 1


def test_two_servers_read_each_others_writes(folder: Path) -> None:
    with serve_live(folder) as one, serve_live(folder) as two:
        for number, (writer, reader) in enumerate([(one, two), (two, one)] * 3):
            seq = writer.post(writer.copy_best_job(72_000 + number)).json["seq"]
            answer = reader.get_after("/users/1/jobs", seq)
            assert answer.status == 200
            assert 72_000 + number in [job["job_id"] for job in answer.json["jobs"]]
        leaders = [server.get("/health").json["is_leader"] for server in (one, two)]
        assert sorted(leaders) == [False, True]


def test_verification_names_rows_that_no_event_has(folder: Path) -> None:
    run_live(folder, "--install", "--no-triggers")
    with serve_live(folder) as server:
        exact = run_live(folder, "--verify", "--tokens", "tokens", "--port", str(server.port))
        assert exact.returncode == 0, exact.stderr
        with sqlite3.connect(folder / "market.db") as connection:
            connection.execute("UPDATE jobs SET fee = 12345 WHERE job_id = 7")
        connection.close()
        other = run_live(folder, "--verify", "--tokens", "tokens", "--port", str(server.port), "--json")
        assert other.returncode == 1
        report = json.loads(other.stdout)[0]
        assert (report["n_different"], report["n_changed"], report["changed_rows"]) == (0, 1, [["jobs", [7]]])
    stopped = run_live(folder, "--verify", "--tokens", "tokens", "--port", str(server.port))
    assert stopped.returncode == 1
    assert str(server.port) in stopped.stderr


# --- Metrics, logs, pages --------------------------------------------------------------------------------------------


def test_metrics_count_requests_without_ids(server: LiveServer) -> None:
    server.get("/users/39/jobs")
    server.get("/users/987654321/jobs")
    text = server.get("/metrics").content.decode()
    assert 'scoring_live_requests_total{route="/users/{user_id}/jobs",status="404"}' in text
    assert re.search(r'scoring_live_request_seconds_bucket\{le="0.02",route="/users/\{user_id\}/jobs"\} [1-9]', text)
    assert "scoring_live_lag_seconds" in text
    assert "process_cpu_seconds_total" in text
    assert re.search(r"^scoring_live_event_loop_cpu_seconds \d+\.\d+", text, re.MULTILINE)
    assert "987654321" not in text


def test_access_log_has_no_ids_and_no_tokens(server: LiveServer) -> None:
    server.get("/users/987654321/jobs")
    server.get("/users/1/jobs?token=abcdef")
    text = server.stderr.read_text()
    assert "GET /users/{user_id}/jobs 404" in text
    assert not re.search("987654321|abcdef|token=", text)
    assert not [token for token in TOKENS.values() if token in text]


def test_pages_of_the_api_load_nothing_from_elsewhere(server: LiveServer) -> None:
    page = server.get("/docs", token=None)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.search(rb"<script|<link|https?://|@import|url\(", page.content)
    document = server.get("/openapi.json", token=None).json
    assert set(document["paths"]) == {
        "/users/{user_id}/jobs", "/users/{user_id}/jobs/{job_id}/explain", "/events", "/confirm", "/verify", "/health",
        "/metrics",
    }  # fmt: skip
    for path in document["paths"]:
        assert path.encode() in page.content


# --- Start and end ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_finishes_requests_and_exits_with_0(folder: Path, number: signal.Signals) -> None:
    with serve_live(folder) as server:
        request = "GET /users/1/jobs?after=9000000000 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(f"{request}Authorization: Bearer {TOKENS['read']}\r\n\r\n".encode())
            assert server.get("/health").status == 200  # the earlier request is being answered
            code, output = server.stop(number)
            assert (code, status_of(connection.recv(65_536))) == (0, 409)
        assert output.splitlines()[-1] == "Live lists have stopped."
        assert server.stderr.read_text().count("\n") <= 2
        with pytest.raises(ConnectionError):
            server.get("/health")


def test_killed_server_starts_again_with_all_writes(folder: Path) -> None:
    with serve_live(folder) as server:
        event = server.copy_best_job(73_000)
        seq = server.post(event).json["seq"]
        server.stop(signal.SIGKILL)
    with serve_live(folder) as server:
        answer = server.get_after("/users/1/jobs", seq)
        assert answer.status == 200
        assert 73_000 in [job["job_id"] for job in answer.json["jobs"]]


def test_port_in_use_is_one_sentence(server: LiveServer, market: Path) -> None:
    done = run_live(market, "--no-tokens", "--port", str(server.port))
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"--port {server.port}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
