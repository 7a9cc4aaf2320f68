"""What ranking reads and what it returns: arrays, and no model, component, frame or database.

- `bundle`: `Bundle`, everything that ranking reads as one value; `bundle_file`: its file
- `program`: what to compute for every pair; `terms`: the kinds of terms that it is made of
- `index`: the eligible jobs in the order in which they are searched, with bounds
- `eligibility_arrays`: which jobs each user may be shown
- `ranking`: `Ranking`, the lists
"""
