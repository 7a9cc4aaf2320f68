"""Committed inputs and the digests of their lists: ids, order and float32 scores that no refactoring may change.

`data/` holds 150 users, 1,200 jobs, 5,048 actions and factors of 8 dimensions. They came from `make_market(150, 1200,
5000, seed=20250630)`. Then rows were edited by hand:

- 24 equal jobs (title `tie`) with equal factors, half of them without a company; three equal users
- a company `BIG` with 60 jobs, for the cap of jobs per company
- jobs that are posted or expire at the clock or one microsecond after it, inactive jobs, 40 expired jobs
- unknown prefectures, occupations, employment types and salary types; codes of another width or in full-width digits
- negative, zero and missing amounts; a job and a user with an id and nothing else; rows that lack one value each
- ids that are negative, 0 or above 32 bits; inactive users; users without actions
- applications at both sides of the 14 days of the cool-down; a user with 40 applications; a user with 60 clicks
- zero vectors, and users and jobs without factors

Generated markets and trained factors differ between CPUs in the last bits. These inputs are read from files, so the
digests are the same on every machine. The reference tables (prefectures, occupations) are the shipped ones.
"""
