"""The benchmark of this project: `python -m benchmarks`, or `make benchmarks`.

- `command` the command · `sections` the measurements, one file each · `peers` other implementations of the lists
- `engine_calls` all calls of the engine · `workspace` the data, made once
- `measurement` seconds and bytes · `machine` the machine · `results` figures and their bars
- `console_output`, `readme_page`, `plots` the output
"""
