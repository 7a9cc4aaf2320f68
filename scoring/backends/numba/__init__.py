"""Compiled loops over arrays. They do not depend on frames, components or defaults.

- `jit`: compiles kernels and caches them on disk
- `pairs`: scores of all pairs; `pair_score`: of single pairs
- `topk`: the k best jobs of each user by pruning; `dense`: by scoring all jobs; `sorted_topk`: by sorting all scores
- parts of the above: `user_state`, `lookup_rows`, `fold_user` (state of one user), `cells`, `bounds`, `exact_score`,
  `top_list`, `scratch`, `tile`, `vectors`, `vector_fallback`
- `strategies`: chooses between `topk`, `dense` and `sorted_topk`; `backend`: `NumbaBackend`
"""
