"""What lower layers report to.

- `stopwatch`: times of phases, nested by name · `memory`: what this process holds
"""

from scoring.telemetry.memory import MemoryStatistics, memory_statistics, peak, resident
from scoring.telemetry.stopwatch import Phase, Stopwatch

__all__ = ["MemoryStatistics", "Phase", "Stopwatch", "memory_statistics", "peak", "resident"]
