"""Values kept because they are needed again, each under a key of everything it depends on.

- `layer`: `Layer`, one cache: bounded in bytes, counted, one computation per missing key
- `layers`: `Layers`, those of an engine, by name and in groups
- `sizes`: bytes that a value holds
"""

from scoring.caching.layer import Layer, LayerStats
from scoring.caching.layers import GROUPS, LAYERS, Layers

__all__ = ["GROUPS", "LAYERS", "Layer", "LayerStats", "Layers"]
