"""Measuring an engine at work.

- `sessions`: mixed requests as somebody tuning weights makes them, replayed, with the caches' hit rates
"""
