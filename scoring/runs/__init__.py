"""Runs: users ranked against all jobs and published in one step.

A run has three stages: candidates, rerank, write (`stages`). The driver is the process that calls `runner.run`.

- `runner`: the entry; `spec`: the settings; `run_state`: the steps; `run_key` and `code_digest`: what results depend on
- `shards`: the unit of work; `executor`: where shards are ranked; `publishers`: where lists go
- `gate`: a run compared with the published one; `force_publish`: published despite its gate; `data_summary`
- `history`: runs listed and verified; `retention`: old runs removed; `run_reader`: a published run read back
- `report`: what a run printed; `memory_budget`: memory predicted and refused in advance
"""
