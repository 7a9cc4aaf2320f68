"""Bare loops over arrays; nothing here knows frames, components or defaults.

- `program`: what to compute, as arrays; `index`: the jobs laid out for selection
- `reference`: the specification (NumPy, float64)
- `compiled`: how kernels are compiled and kept
- `pairs`: scores of all pairs; `single`: of single pairs
- `topk`: the k best of each user by pruning; `dense`: by scoring everything
- what these two are made of: `fold`, `rows`, `folding` (a user's side), `cells`, `bounds`, `exact`, `lists`, `room`
"""
