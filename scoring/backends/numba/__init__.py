"""Compiled loops over arrays. They do not depend on frames, components or defaults.

- `jit`: compiles kernels and caches them on disk
- `pairs`: scores of all pairs; `pair_score`: of single pairs
- the k best jobs of each user: `topk` by pruning, `dense_topk` by scoring all jobs, `sorted_topk` by sorting all scores
- parts of the above: `user_state`, `lookup_rows`, `fold_user` (state of one user), `cells`, `bounds`, `exact_score`,
  `top_list`, `scratch`, `tile`, `vectors`, `vector_fallback`
- `strategies`: chooses between `topk`, `dense_topk` and `sorted_topk`; `backend`: `NumbaBackend`
"""
