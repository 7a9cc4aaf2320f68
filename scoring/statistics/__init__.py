"""What a dataset says as a whole.

- `statistics`: `Statistics`, all of them for one dataset
- `area`: mean wages by prefecture and major occupation
- `popularity`: actions by company
- `similarity`: which occupations the same people apply to
- `factors`: vectors of users and jobs, brought or trained
"""

from scoring.statistics.factors import ALS, Factors, default_cache
from scoring.statistics.statistics import Statistics

__all__ = ["ALS", "Factors", "Statistics", "default_cache"]
