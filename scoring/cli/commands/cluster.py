"""`scoring cluster`: the processes, the certificates and the check of a cluster that ranks for `scoring run`."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from scoring.cli.cluster_options import DEFAULT_CERTIFICATES, CertificatesOption
from scoring.cli.json_csv_output import CsvOption, JsonOption, check_format, print_records
from scoring.cli.output_failures import note_stored

if TYPE_CHECKING:
    from scoring.runs.executors.cluster_process import ChildProcess

__all__ = ["app"]

app = typer.Typer(help="Rank on several machines: scheduler, workers, certificates, check.")

_DEFAULT_LISTEN: Final = "tls://0.0.0.0:8786"

AddressArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help="Address of the scheduler: tls://HOST:PORT.")]


@app.command("certificates")
def certificates(
    folder: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the files. It is created if it does not exist.")
    ] = DEFAULT_CERTIFICATES,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=3650, help="Days until the certificate expires.")
    ] = 365,
) -> None:
    """Make a certificate authority (CA) of the cluster, and the certificate of its processes.

    If the folder has a CA, only a new certificate of the processes is made. Copy ca.pem, node.pem and node.key to every
    machine of the cluster. Keep ca.key. A process that has node.key can run code on
    all machines of the cluster.
    """
    from scoring.cli.progress import make_console
    from scoring.runs.executors.certificates import CA, CA_KEY, NODE, NODE_KEY, create_certificates

    is_new = create_certificates(folder, days=days)
    note_stored(f"The certificates in {folder} are written.")
    console = make_console()
    if is_new:
        console.print(f"wrote {folder / CA} and {folder / CA_KEY}", markup=False, soft_wrap=True)
    console.print(f"wrote {folder / NODE} and {folder / NODE_KEY}", markup=False, soft_wrap=True)
    console.print(
        f"Copy {CA}, {NODE} and {NODE_KEY} to every machine of the cluster. Keep {CA_KEY} here.", soft_wrap=True
    )


@app.command("scheduler")
def scheduler(
    listen: Annotated[
        str, typer.Option("--listen", metavar="ADDRESS", help="Address on which the scheduler listens; port 0 is free.")
    ] = _DEFAULT_LISTEN,
    certificates: CertificatesOption = DEFAULT_CERTIFICATES,
) -> None:
    """Start the scheduler, to which workers and runs connect. It needs little memory and time.

    Every process with a certificate of the cluster's CA can run code as the user of the scheduler and of all workers.
    """
    from scoring.runs.executors.certificates import make_security
    from scoring.runs.executors.cluster_address import ClusterAddress
    from scoring.runs.executors.cluster_process import start_scheduler

    address = ClusterAddress.parse(listen, allow_local=False, allow_any_host=True)
    make_security(address, certificates)
    process = start_scheduler(address, certificates)
    _wait(process, lambda ready: f"Scheduler: {ready['address']}")


@app.command("worker")
def worker(
    address: AddressArgument,
    certificates: CertificatesOption = DEFAULT_CERTIFICATES,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", show_default="name of the machine", help="Name of the worker."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", metavar="N", min=1, show_default="one per core", help="Number of threads that rank."),
    ] = None,
    memory: Annotated[
        float | None,
        typer.Option(
            "--memory",
            metavar="GB",
            min=0.1,
            show_default="the free memory",
            help="Memory of the worker. A bundle may use 60 % of it.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            metavar="DIR",
            show_default="a folder of this user in the folder for temporary files",
            help="Folder of received bundles, which contain ids and actions. Only its owner may use it.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="HOST",
            show_default="the address that reaches the scheduler",
            help="Address on which the worker listens for the scheduler.",
        ),
    ] = None,
) -> None:
    """Start a worker, which ranks for the runs on a scheduler. It is started again if it is killed.

    The worker ends if the scheduler does not answer for 60 s. It needs no database and no components.
    """
    import os

    from scoring.cli.progress import Progress
    from scoring.runs.executors.certificates import check_connection, make_security
    from scoring.runs.executors.cluster_address import ClusterAddress
    from scoring.runs.executors.cluster_process import measure_memory, start_worker
    from scoring.runs.executors.private_folder import default_folder
    from scoring.threads.pool import available_cpus

    place = ClusterAddress.parse(address, allow_local=False)
    check_connection(place, make_security(place, certificates))
    process = start_worker(
        place,
        certificates,
        name=name or f"{platform.node()}-{os.getpid()}",
        threads=threads or available_cpus(),
        memory=int(memory * 1e9) if memory else measure_memory(),
        folder=(folder or default_folder()) / f"worker-{os.getpid()}",
        host=host,
        report=Progress().print_line,
    )
    _wait(process, lambda ready: f"Worker: {ready['address']}")


def _wait(process: ChildProcess, describe: Callable[[dict[str, Any]], str]) -> None:
    """Print a line when a process is ready, and wait until it ends or this one is stopped.

    Raises
    ------
    ClusterError: If the process ends by itself.
    """
    import sys
    from contextlib import suppress

    from scoring.cli.progress import make_console
    from scoring.cli.signals import stop_signals
    from scoring.errors import ClusterError

    with process, suppress(KeyboardInterrupt):
        ready = process.wait_ready()
        make_console().print(f"{describe(ready)}\nPress Ctrl-C to stop.", markup=False, soft_wrap=True)
        sys.stdout.flush()
        while not process.wait(0.5):
            stop_signals.raise_pending()
        raise ClusterError(
            f"The process ended ({process.error or 'it was killed'}). Start it again.", reason="process ended"
        )


@app.command("check")
def check(
    address: AddressArgument,
    certificates: CertificatesOption = DEFAULT_CERTIFICATES,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """Let each worker rank a small generated market, and print which workers can rank for this machine.

    The exit code is 1 if a worker is excluded or there is none. A run repeats the check with its own data.
    """
    from scoring.cli.progress import Progress, make_console
    from scoring.cli.tables.cluster_check import make_records, render_check
    from scoring.runs.executors.cluster_address import ClusterAddress
    from scoring.runs.executors.cluster_check import check_cluster

    check_format(json, csv)
    place = ClusterAddress.parse(address)
    with Progress().stage("checking workers"):
        found = check_cluster(place, certificates)
    if not print_records(make_records(found), json=json, csv=csv):
        make_console().print(render_check(found, str(place)))
    if found.n_excluded or not found.workers:
        raise typer.Exit(1)
