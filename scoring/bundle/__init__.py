"""The input and the output of ranking, as arrays. The package does not depend on models, data frames or databases.

- `bundle`: `Bundle`, the complete input of ranking; `bundle_file`: its file format
- `program`: the scores of all pairs as terms and weights; `terms`: the kinds of terms
- `block_index`: the eligible jobs in search order, with bounds of their scores
- `eligibility_arrays`: which jobs may be ranked for each user
- `list_order`: what rules change in the order of lists
- `bundled_model`: trained models that are evaluated per pair; `pair_formulas`: their inputs
- `ranked_lists`: `Ranking`, the resulting lists
"""
