"""How time, memory and the number of scored pairs grow with the numbers of users and jobs.

- `growth`: measure several sizes, and the slope of their times
- `growth_point`: measure one size
- `growth_plots`: plots of the measurements
"""
