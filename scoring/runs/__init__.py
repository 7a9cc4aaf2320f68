"""Runs: rank users against all jobs and publish the lists in one step.

A run has three stages: candidates, rerank, write (`reranker`). The driver is the process that calls `runner.run`.

- `runner`: the entry point; `spec`: the settings; `run_steps`: a run in progress, step by step
- `run_key` and `code_digest`: what results depend on
- `shards`: the unit of work; `executors`: rank shards; `publishers`: write lists to their destinations
- `gate`: compares a run with the published one; `forced_publication`: publishes a run that the gate held back
- `data_summary`: figures of the data that a gate compares
- `history`: lists and verifies runs; `retention`: removes old runs; `run_reader`: reads a published run
- `report`: the printed report of a run; `memory_forecast`: predicts memory and rejects runs that do not fit
"""
