"""The shipped components, one module each. `classic/` contains the legacy formulas, `helpers` common functions.

- base: `fee`, `wage`, `popularity`, `access`, `freshness`
- match: `location`, `category`, `conditions`
- personal: `history`, `clicks`, `collaborative`
"""

from scoring.components.access import Access
from scoring.components.category import Category
from scoring.components.clicks import Clicks
from scoring.components.collaborative import Collaborative
from scoring.components.conditions import Conditions
from scoring.components.fee import Fee
from scoring.components.freshness import Freshness
from scoring.components.history import History
from scoring.components.location import Location
from scoring.components.popularity import Popularity
from scoring.components.wage import Wage

__all__ = [
    "Access",
    "Category",
    "Clicks",
    "Collaborative",
    "Conditions",
    "Fee",
    "Freshness",
    "History",
    "Location",
    "Popularity",
    "Wage",
]
