"""Work shared by the threads of one process.

- `pool`: slices of users over threads
- `blas`: matrix products without threads of their own
"""

from scoring.threads.blas import one_blas_thread
from scoring.threads.pool import available_cpus, in_threads

__all__ = ["available_cpus", "in_threads", "one_blas_thread"]
