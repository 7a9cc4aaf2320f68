"""What the figures of this project are measured with: `python -m benchmarks`, or `make benchmarks`.

- `command` the command · `sections` what is measured, one file each · `peers` other ways to the same answers
- `engine` the calls of the engine that everything else goes through · `workspace` the data, made once
- `measure` seconds and bytes · `machine` where it ran · `results` figures and their bars
- `show`, `readme`, `plots` how they look
"""
