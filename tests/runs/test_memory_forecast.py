"""Available memory, predicted memory, and predictions compared with measured peaks."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from scoring.dataset import Dataset
from scoring.errors import NotEnoughMemoryError
from scoring.model_catalog import load_model
from scoring.ranking import Prepared
from scoring.runs import memory_forecast, report, runner
from scoring.synthetic import make_market
from tests.support.errors import raises_with
from tests.support.proof_counts import record_count

GB = 1_000_000_000


def group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def write_cgroup(root: Path, *lines: str) -> None:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("".join(f"{line}\n" for line in lines))


def test_available_memory_without_cgroups_is_the_machines(tmp_path: Path) -> None:
    import psutil

    assert memory_forecast.measure_available(tmp_path) == pytest.approx(psutil.virtual_memory().available, rel=0.2)


def test_cgroup_v2_limit_counts_without_file_pages(tmp_path: Path) -> None:
    write_cgroup(tmp_path, "0::/job/step")
    group(tmp_path / "sys/fs/cgroup")
    group(tmp_path / "sys/fs/cgroup/job", memory__max=100_000_000, memory__current=80_000_000,
          memory__stat="anon 50000000\ninactive_file 20000000")  # fmt: skip
    group(tmp_path / "sys/fs/cgroup/job/step", memory__max="max", memory__current=60_000_000, memory__stat="")
    assert memory_forecast.measure_available(tmp_path) == 40_000_000
    record_count("memory groups", "{} layouts", 1)


def test_smallest_cgroup_limit_counts(tmp_path: Path) -> None:
    write_cgroup(tmp_path, "0::/job/step")
    for name, limit in (("job", 100_000_000), ("job/step", 50_000_000)):
        group(tmp_path / "sys/fs/cgroup" / name, memory__max=limit, memory__current=30_000_000, memory__stat="")
    assert memory_forecast.measure_available(tmp_path) == 20_000_000
    record_count("memory groups", "{} layouts", 1)


def test_cgroup_v1_limit_counts(tmp_path: Path) -> None:
    write_cgroup(tmp_path, "5:cpu,cpuacct:/job", "4:memory:/job", "0::/")
    group(tmp_path / "sys/fs/cgroup/memory", memory__limit_in_bytes=2**63 - 4096, memory__usage_in_bytes=0,
          memory__stat="")  # fmt: skip
    group(tmp_path / "sys/fs/cgroup/memory/job", memory__limit_in_bytes=90_000_000, memory__usage_in_bytes=70_000_000,
          memory__stat="cache 1\ntotal_inactive_file 5000000")  # fmt: skip
    assert memory_forecast.measure_available(tmp_path) == 25_000_000
    record_count("memory groups", "{} layouts", 1)


def test_cgroup_of_a_container_is_read_at_the_top(tmp_path: Path) -> None:
    write_cgroup(tmp_path, "0::/docker/0123abcd")
    group(tmp_path / "sys/fs/cgroup", memory__max=64_000_000, memory__current=4_000_000, memory__stat="")
    assert memory_forecast.measure_available(tmp_path) == 60_000_000
    record_count("memory groups", "{} layouts", 1)


def test_usage_above_the_limit_leaves_0_bytes(tmp_path: Path) -> None:
    write_cgroup(tmp_path, "0::/")
    group(tmp_path / "sys/fs/cgroup", memory__max=1_000, memory__current=4_000, memory__stat="")
    assert memory_forecast.measure_available(tmp_path) == 0
    record_count("memory groups", "{} layouts", 1)


def test_address_space_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    used_bytes = psutil.Process().memory_info().vms
    monkeypatch.setattr(resource, "getrlimit", lambda which: (used_bytes + 400_000_000, resource.RLIM_INFINITY))
    # minus the 256 MB of addresses that threads and libraries reserve without using them
    assert memory_forecast.measure_available(tmp_path) == pytest.approx(400_000_000 - 256_000_000, abs=10_000_000)


def test_error_contains_numbers_and_alternatives() -> None:
    with pytest.raises(NotEnoughMemoryError) as caught:
        memory_forecast.require(
            48 * GB, "All pairs of 10,000 users and 100,000 jobs", ["top_k=", "out="], available=2 * GB
        )
    assert str(caught.value) == (
        "All pairs of 10,000 users and 100,000 jobs needs 48.0 GB of memory (48,000,000,000 bytes), but only 2.0 GB "
        "(2,000,000,000 bytes) are available. Alternatives: top_k=; out=."
    )
    memory_forecast.require(2 * GB, "This", [], available=2 * GB)
    record_count("large requests", "{} requests", 1)


def test_too_many_occupations_are_rejected_before_work(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = make_market(20, 3_000, 100, seed=1).tables
    jobs = tables.jobs.assign(occupation_code=pd.array(np.arange(3_000) + 10_000, dtype="Int64"))
    monkeypatch.setattr(memory_forecast, "measure_available", lambda: GB // 4)
    with raises_with(
        NotEnoughMemoryError,
        bytes_available=GB // 4,
        alternatives=("map occupations to fewer codes before the import",),
    ):
        runner.prepare(Dataset(tables.with_tables(jobs=jobs)), load_model("standard"))
    record_count("large requests", "{} requests", 1)


@pytest.mark.parametrize(
    ("count", "message"), [(12, "12 bytes"), (1_500, "1.5 kB"), (640_400_000, "640 MB"), (3_200 * GB, "3.2 TB")]
)
def test_format_bytes(count: int, message: str) -> None:
    assert memory_forecast.format_bytes(count) == message


MEASURE = """
import json, sys
from scoring.model_catalog import load_model
from scoring.dataset import Dataset
from scoring.database.database import Database
from scoring.database.readers import load_tables
from scoring.runs import memory_forecast, runner
from scoring.runs.publishers import ParquetPublisher

before = memory_forecast.measure_resident()
prepared = runner.prepare(Dataset(load_tables(Database.open(sys.argv[1]))), load_model("standard"))
predicted = before + memory_forecast.predict_data(*json.loads(sys.argv[3]))
loaded = memory_forecast.measure_peak()
result = runner.run(prepared, k=200, chunk_size=2_000, publishers=[ParquetPublisher(sys.argv[2])])
print(json.dumps([predicted, loaded, result.predicted_bytes, result.peak_bytes]))
"""


@pytest.mark.usefixtures("prepared")  # the first compilation of the kernels takes extra memory
@pytest.mark.parametrize(
    "size",
    [(1_000, 10_000, 100_000), pytest.param((2_000, 20_000, 200_000), marks=pytest.mark.long)],
    ids=["1,000 users", "2,000 users"],
)
def test_prediction_is_within_20_percent_of_the_peak(tmp_path: Path, size: tuple[int, int, int]) -> None:
    from scoring.database.database import Database
    from scoring.database.writers import save_tables
    from scoring.synthetic import make_market

    with Database.open(tmp_path / "market.db") as database:
        save_tables(database, make_market(*size).tables)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "market.db"), str(tmp_path / "run"), json.dumps(size)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    data_predicted, data_measured, run_predicted, run_measured = json.loads(done.stdout)
    assert data_predicted == pytest.approx(data_measured, rel=0.2)
    assert run_predicted == pytest.approx(run_measured, rel=0.2)
    off = [100 * (a / b - 1) for a, b in ((data_predicted, data_measured), (run_predicted, run_measured))]
    record_count("predicted peak", f"data {off[0]:+.1f} %, run {off[1]:+.1f} % of the measured peaks")


CEILINGS = """
import hashlib, json, resource, sys
from pathlib import Path
import psutil
from scoring.model_catalog import load_model
from scoring.dataset import Dataset
from scoring.synthetic import make_market
from scoring.runs import runner
from scoring.runs.publishers import ParquetPublisher
from scoring.errors import NotEnoughMemoryError

prepared = runner.prepare(Dataset(make_market(int(sys.argv[3]), 10_000, 20_000, seed=3).tables), load_model("standard"))
results = []
for number, room in enumerate(json.loads(sys.argv[1])):
    out = Path(sys.argv[2]) / str(number)
    held = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (held + room * 1_000_000 if room else -1, -1))
    try:
        result = runner.run(prepared, k=10_000, publishers=[ParquetPublisher(out)])
    except NotEnoughMemoryError as error:
        results.append(["refused", str(error), sorted(path.name for path in Path(sys.argv[2]).glob(f"*{number}*"))])
    else:
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
        digest = hashlib.blake2b(b"".join(part.read_bytes() for part in sorted(out.glob("part*")))).hexdigest()
        results.append(["done", result.metadata.chunk_size, digest])
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print(json.dumps(results))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="addresses are limited by Linux alone")
@pytest.mark.usefixtures("prepared")  # compile the kernels first, as above
@pytest.mark.parametrize(
    ("users", "rooms"),
    [
        (150, [0, 400, 330, 300, 100]),
        pytest.param(400, [0, 5_000, 450, 400, 370, 340, 330, 320, 300, 260, 100, 30], marks=pytest.mark.long),
    ],
    ids=["5", "12"],
)
def test_run_under_a_memory_limit_is_rejected_or_equal(tmp_path: Path, users: int, rooms: list[int]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CEILINGS, json.dumps(rooms), str(tmp_path), str(users)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    results = json.loads(done.stdout)
    finished = [result for result in results if result[0] == "done"]
    refused = results[len(finished) :]
    assert {kind for kind, *_ in refused} == {"refused"}, "less room than was refused"
    assert len({digest for *_, digest in finished}) == 1
    chunks = [size for _, size, _ in finished]
    assert chunks == sorted(chunks, reverse=True)
    assert chunks[0] > chunks[-1] >= 1
    for _, message, remaining in refused:
        assert message.startswith("A run of ")
        assert "are available. Alternatives: " in message
        assert remaining == []
    n, same = len(rooms), len(finished)
    record_count("memory limits", "{} of {} limits: {} runs identical, {} rejected", n, n, same, n - same)


def test_report_contains_the_reduced_chunk_size(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    enough = memory_forecast.predict_run(
        program_bytes=prepared.plan.program.nbytes,
        n_users=len(prepared.active_users),
        k=prepared.scorer.n_eligible,
        chunk_size=40,
        workers=prepared.scorer.workers,
        # the parts of a shard, and the shard joined from them
        held_bytes=2 * memory_forecast.BYTES_PER_RANKED * len(prepared.active_users) * prepared.scorer.n_eligible,
    )
    monkeypatch.setattr(memory_forecast, "measure_available", lambda: enough)
    result = runner.run(prepared, k=prepared.scorer.n_eligible, chunk_size=900)
    console = Console(width=200, file=StringIO())
    console.print(report.render(report.Report.of(result)))
    assert result.metadata.chunk_size < result.chunk_size_wanted == 900
    message = " ".join(console.file.getvalue().split())
    assert f"chunks of {result.metadata.chunk_size:,} users (reduced from 900 to fit in memory)" in message
