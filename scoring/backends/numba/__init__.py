"""Compiled loops over arrays; nothing here knows frames, components or defaults.

- `jit`: how kernels are compiled and kept
- `pairs`: scores of all pairs; `pair_score`: of single pairs
- `topk`: the k best of each user by pruning; `dense`: by scoring everything; `sorted_topk`: by sorting all scores
- what these are made of: `user_state`, `lookup_rows`, `fold_user` (a user's side), `cells`, `bounds`, `exact_score`,
  `top_list`, `room`, `tile`, `vectors`
- `strategies`: which of them to use; `backend`: `NumbaBackend`, all of it as a backend
"""
