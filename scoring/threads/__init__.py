"""Threads of one process.

- `pool`: slices of users over threads
- `background`: work in another thread while this one continues
- `kept_threads`: the same for short work, in threads that are kept
- `blas`: single-threaded matrix products
"""

from scoring.threads.background import run_meanwhile
from scoring.threads.blas import limit_blas_threads
from scoring.threads.kept_threads import start_work
from scoring.threads.pool import available_cpus, run_in_threads

__all__ = ["available_cpus", "limit_blas_threads", "run_in_threads", "run_meanwhile", "start_work"]
