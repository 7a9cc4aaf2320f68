"""Bare loops over arrays; nothing here knows frames, components or defaults.

- `program`: what to compute, as arrays
- `reference`: the specification (NumPy, float64)
- `compiled`: how kernels are compiled and kept
- `pairs`: scores of all pairs; `topk`: the k best of each user
"""
