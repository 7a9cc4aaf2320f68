"""Options of commands that use a cluster, and the cluster as the executor of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from scoring.runs.executors.dask_executor import DaskExecutor

__all__ = ["DEFAULT_CERTIFICATES", "CertificatesOption", "ClusterOption", "open_executor"]

DEFAULT_CERTIFICATES: Final = Path("data/cluster")

ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Rank on a cluster: tls://HOST:PORT of `scoring cluster scheduler`, or local:N for N worker processes. "
        "The lists are the same.",
    ),
]
CertificatesOption = Annotated[
    Path,
    typer.Option("--certificates", metavar="DIR", help="Folder of `scoring cluster certificates`, for tls://."),
]


@contextmanager
def open_executor(
    cluster: str | None, certificates: Path, chunk_size: int, report: Callable[[str], object]
) -> Iterator[DaskExecutor | None]:
    """Yield the executor of a cluster; None without one. The processes of `local:N` end with the block.

    Raises
    ------
    MissingDependencyError: If the extra `cluster` is not installed.
    ClusterError: If the address is invalid, or the scheduler cannot be reached or trusted.
    """
    if cluster is None:
        yield None
        return
    from scoring.optional_dependencies import require
    from scoring.runs.executors.cluster_address import ClusterAddress

    address = ClusterAddress.parse(cluster)
    require("--cluster", "cluster", "distributed", "cryptography")
    from scoring.runs.executors.certificates import check_connection, make_security
    from scoring.runs.executors.cluster_process import LocalCluster
    from scoring.runs.executors.dask_executor import DaskExecutor

    if address.n_local:
        with LocalCluster(address.n_local) as local:
            yield DaskExecutor(local.address, certificates=local.certificates, chunk_size=chunk_size, report=report)
        return
    check_connection(address, make_security(address, certificates))  # before the data is loaded
    yield DaskExecutor(address, certificates=certificates, chunk_size=chunk_size, report=report)
