"""Compiled loops over arrays. They do not depend on frames, components or defaults.

- `jit`: compiles kernels and caches them on disk
- `pair_blocks`: scores of all pairs; `pair_score`: of single pairs
- the k best jobs of each user: `pruned_topk`; `clustered_topk` skips jobs by the directions of their vectors
  (`vector_clusters`); `dense_topk` scores all jobs; `long_list_topk` sorts all scores
- `evaluated_topk`: the k best jobs for models that kernels cannot compute; `linked_value`: links and sums of trees
- `list_walk`: lists whose order rules change, merged from the lists of parts
- parts of the above: `user_state`, `user_lookup_rows`, `user_fold` (state of one user), `job_cell_bounds`, `bounds`,
  `exact_score`, `top_list`, `scratch`, `tile_scratch`, `simd_blocks`, `simd_blocks_numpy`
- `strategies`: chooses between these four; `backend`: `NumbaBackend`
"""
