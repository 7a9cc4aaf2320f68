"""What lower layers report to.

- `stopwatch`: times of phases, nested by name
"""

from scoring.telemetry.stopwatch import Phase, Stopwatch

__all__ = ["Phase", "Stopwatch"]
