"""Saved profiles: who they come from, what they measured, which one is in use.

- `registry`: the way in; `store` and `folders`: its files, and how they are written whole; `names`: which are safe
- `profile`: a saved model and the text of its file; `about`: what is known of it; `listing`: as frames
- `diff`: what two differ in
- `promotions`: which is in use; `looks`: how often a test split was looked at; `journal`: the files of both
- `index`: the same in a database
"""

from scoring.tuning.registry.about import FoundOn, Metric, Parent
from scoring.tuning.registry.diff import ProfileDiff
from scoring.tuning.registry.profile import Profile
from scoring.tuning.registry.registry import DEFAULT_FOLDER, Registry

__all__ = ["DEFAULT_FOLDER", "FoundOn", "Metric", "Parent", "Profile", "ProfileDiff", "Registry"]
