"""Saved profiles: where they come from, what they measured, which one is in use.

- `registry`: the entry point; `store`: its files; `names`: which names are safe
- `profile_reader`: profiles read without a registry
- `profile`: a saved model and the text of its file; `metadata`: what is known of it; `registry_frames`: as frames
- `diff`: how two profiles differ
- `promotions`: which one is in use; `test_access_log`: evaluations on test users; `entry_journal`: the files of both
- `sql_index`: the same in a database
"""

from scoring.tuning.registry.diff import ProfileDiff
from scoring.tuning.registry.metadata import FoundOn, Metric, Parent
from scoring.tuning.registry.profile import Profile
from scoring.tuning.registry.registry import DEFAULT_FOLDER, Registry

__all__ = ["DEFAULT_FOLDER", "FoundOn", "Metric", "Parent", "Profile", "ProfileDiff", "Registry"]
