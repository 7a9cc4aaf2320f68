"""Statistics of a dataset as a whole.

- `frozen_statistics`: `Basis`, everything that a score depends on except the rows of the user and the job
- `statistics`: `Statistics`, which computes the basis of a dataset
- `area_wages`: mean wages by prefecture and major occupation
- `company_popularity`: actions by company
- `occupation_similarity`: cosines of occupations, by the users who apply to them
- `factors`: vectors of users and jobs, from the data or trained
- `als_training`: their training, on several threads
- `disk_array_cache`: trained factors on disk
"""

from scoring.statistics.als_training import ALS
from scoring.statistics.factors import Factors, default_cache
from scoring.statistics.frozen_statistics import Basis
from scoring.statistics.statistics import Statistics

__all__ = ["ALS", "Basis", "Factors", "Statistics", "default_cache"]
