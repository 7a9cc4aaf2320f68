"""Threads of one process.

- `pool`: slices of users over threads
- `blas`: single-threaded matrix products
"""

from scoring.threads.blas import one_blas_thread
from scoring.threads.pool import available_cpus, in_threads

__all__ = ["available_cpus", "in_threads", "one_blas_thread"]
