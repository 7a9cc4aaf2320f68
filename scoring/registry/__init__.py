"""Saved profiles with their parents, their metrics and the version in use.

- `registry`: the entry point; `store`: its files; `names`: checks of profile names
- `profile_reader`: profiles loaded from a folder
- `profile_version`: a saved model and its file format; `metadata`: the section `profile` of this file
- `registry_frames`: data frames
- `diff`: differences between two profiles
- `promotions`: the version in use; `promotion_storage`: its record in a database; `promotion_requests`: approval
- `evaluation_log`: evaluations on test users; `evaluation_log_records`: its records of a scoreboard or a backtest
- `promotion_evidence`: these evaluations as evidence for a promotion, and the objections to it
- `promotion_evidence_text`: this evidence in words
- `evaluation_file`: an evaluation in a file, for a report
- `fitted_users`: users that a profile was fitted on; `mergeable_journal`: append-only files
- `sql_index`: an index of the profiles in a database

It imports `scoring.evaluation` only in functions: a run reads the promotion, and the import takes 0.1 s.
"""

from scoring.registry.diff import ProfileDiff
from scoring.registry.fitted_users import FittedUsers
from scoring.registry.metadata import Metric, Parent, TuningData
from scoring.registry.profile_version import Profile
from scoring.registry.promotion_evidence import Evidence, EvidenceError
from scoring.registry.registry import DEFAULT_FOLDER, Registry

__all__ = [
    "DEFAULT_FOLDER",
    "Evidence",
    "EvidenceError",
    "FittedUsers",
    "Metric",
    "Parent",
    "Profile",
    "ProfileDiff",
    "Registry",
    "TuningData",
]
