"""The arrays that a ranking reads, and nothing else.

- `program`: what to compute for every pair
- `index`: the eligible jobs in the order in which they are searched, with bounds
"""
