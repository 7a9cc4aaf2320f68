"""Lists with a graphics card: the device proposes jobs, and the host decides with canonical scores.

- `device` the card, its memory and its errors · `kernels` the code that runs on it
- `device_columns` the jobs in its memory · `proposed_ranking` the lists

The lists equal those of the other strategies, bit for bit. The device computes scores in float32. It proposes every job
whose score may reach the last total of a list, within the proven bound of the rounding errors.
"""
