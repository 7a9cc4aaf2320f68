"""Threads of one process.

- `pool`: slices of users over threads
- `background`: work in another thread while this one continues
- `reusable_threads`: the same for short work, in threads that are kept
- `blas`: single-threaded matrix products
"""

from scoring.threads.background import run_meanwhile
from scoring.threads.blas import limit_blas_threads
from scoring.threads.pool import available_cpus, run_in_threads
from scoring.threads.reusable_threads import start_work

__all__ = ["available_cpus", "limit_blas_threads", "run_in_threads", "run_meanwhile", "start_work"]
