"""Runs: every user against every job, published in one step.

- `runner`: a run, new or resumed (`run_state`, `shards`, `run_key`); `publishers`: where its results go
- `gate`: a run compared with the published one; `force_publish`: published despite its gate; `data_summary`
- `history`: runs listed and verified; `retention`: old runs removed; `run_reader`: a published run read back
- `report`: what a run printed; `memory_budget`: memory predicted and refused in advance
"""
