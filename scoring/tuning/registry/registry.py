"""The registry: a folder of profiles, which of them is in use, and how often tests were looked at."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from scoring.catalog import load_model, preset_names
from scoring.dataset import Dataset
from scoring.errors import ConfigurationError, DatabaseError, ModelError, OutputError
from scoring.model import Component, ScoringModel
from scoring.tuning.registry.diff import ProfileDiff
from scoring.tuning.registry.entry_journal import EntryJournal
from scoring.tuning.registry.metadata import About, FoundOn, metrics_of, moment, validated
from scoring.tuning.registry.names import PROMOTED, checked_name
from scoring.tuning.registry.profile import Profile, dump_profile, parse_profile
from scoring.tuning.registry.profile_reader import Library
from scoring.tuning.registry.promotions import Promotion, history_frame, stack_of, undone
from scoring.tuning.registry.registry_frames import lineage_frame, list_frame
from scoring.tuning.registry.sql_index import Index
from scoring.tuning.registry.test_access_log import TestLook, looks_frame

__all__ = ["DEFAULT_FOLDER", "Registry"]

DEFAULT_FOLDER = Path("data/profiles")

Named = str | Profile | ScoringModel
"""A profile or a model: itself, NAME (its newest version), NAME@VERSION, `promoted`, or the name of a model that
ships."""


class Registry:
    """Profiles in `folder`, plain YAML that a team can review and keep in version control.

    `folder/NAME/0001.yaml` and on are the versions, which are never overwritten; `promotions.jsonl` and
    `test_looks.jsonl` are journals that only grow. Any number of processes may read and write. `database` (whatever
    `Database.open` takes) is given an index of it all; `components` are one's own, beside the shipped ones; `clock`
    gives the time, with its zone.

    All methods raise ConfigurationError for a name that is not safe, ModelError for a profile that is not there or
    that cannot be read, OutputError for a folder that cannot be read or written.
    """

    def __init__(
        self,
        folder: str | Path = DEFAULT_FOLDER,
        *,
        database: Any = None,
        components: Iterable[type[Component]] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.folder = Path(folder)
        self._library = Library(self.folder, components)
        self._index = None if database is None else Index(database)
        self._clock = clock
        self._promotions = EntryJournal(self.folder, "promotions.jsonl", Promotion)
        self._looks = EntryJournal(self.folder, "test_looks.jsonl", TestLook)

    def __repr__(self) -> str:
        return f"Registry({str(self.folder)!r})"

    # Saving and loading

    def save(
        self,
        name: str,
        model: ScoringModel,
        *,
        parent: Named | None = None,
        found_on: Dataset | FoundOn | None = None,
        metrics: Mapping[str, Mapping[str, Any]] | None = None,
        note: str = "",
        author: str | None = None,
    ) -> Profile:
        """Saves the model as a new version of the profile `name`.

        `parent`: what it was made from (a profile, a model, or a digest); `found_on`: the data that it was found on;
        `metrics`: split (train, validation, test) → name → a number, or a mapping or `Metric` of value, low, high and
        n. Nobody's name is noted unless `author` says one.
        """
        name = checked_name(name)
        if parent == PROMOTED:
            parent = self.load(PROMOTED)
        known = {
            "name": name,
            "saved_at": moment(self._clock()).replace(microsecond=0),
            "author": author,
            "note": note,
            "model": model.name,
            "digest": model.digest,
            "parent": None if parent is None else self._library.parent(parent),
            "found_on": _found_on(found_on),
            "code_version": sys.modules["scoring"].__version__,
            "metrics": metrics_of(metrics),
        }

        def about(version: int) -> About:
            return validated(About, known | {"version": version}, f"profile {name}")

        version = self._library.store.add(name, lambda number: dump_profile(about(number), model))
        self._indexed(f"{name}@{version} is saved", lambda index: index.add(about(version)))
        own = {part.component.kind: type(part.component) for part in model.parts}
        _, text = self._library.store.text(name, version)
        return parse_profile(text, own, source=str(self._library.store.path(name, version)))

    def load(self, name: str, version: int | None = None) -> Profile:
        """A version of a profile (None: the newest); `name` may be NAME@VERSION or `promoted`, too.

        Warns where the model is not the one that was saved (`Profile.as_saved`).
        """
        profile = self._load(name, version)
        if profile.problem is not None:
            warnings.warn(profile.problem, UserWarning, stacklevel=2)
        return profile

    def use(self, name: str, version: int | None = None) -> Profile:
        """As `load`, for scoring with it: a profile that is not as it was saved, or promoted, is refused."""
        in_use = self._in_use() if name == PROMOTED else None
        if in_use is not None:
            return self._promoted(in_use)
        profile = self._load(name, version)
        profile.require_as_saved()
        return profile

    def versions(self, name: str) -> tuple[int, ...]:
        """Those that there are; none of a name that is not there."""
        return tuple(self._library.store.versions(name))

    def list(self) -> pd.DataFrame:
        """One row per version: name · version · in_use · saved_at · parent · model · digest · data_fingerprint ·
        as_of · code_version · author · note · problem (a sentence, where the file cannot be read) · a column per
        metric, such as `test ndcg@10`. Models are not read: a file that was edited is told of when it is loaded."""
        in_use = self._in_use()
        rows: dict[tuple[str, int], About | str] = {}
        for place in self._library.places():
            try:
                rows[place] = self._library.about(*place)
            except (ModelError, OutputError) as error:  # one broken file must not hide the others
                rows[place] = str(error)
        return list_frame(rows, None if in_use is None else in_use.reference)

    def diff(self, a: Named, b: Named) -> ProfileDiff:
        """What changes from `a` to `b`: weights, components, parameters, rules; see `.frame()`."""
        return ProfileDiff(self.model(a), self.model(b))

    def model(self, named: Named) -> ScoringModel:
        """The model of a profile, or one that ships."""
        if isinstance(named, ScoringModel):
            return named
        if isinstance(named, str) and named in preset_names():
            return load_model(named)
        return (named if isinstance(named, Profile) else self.load(named)).model

    def lineage(self, name: str, version: int | None = None) -> pd.DataFrame:
        """The profile, its parent, the parent's parent and so on, one row each: name · version · digest · saved_at ·
        note · here. The last one may be a model that ships, or one of which nothing but the digest is known."""
        return lineage_frame(self._load(name, version).about, self._library.about_of)

    # In use

    def promote(self, name: str, version: int | None = None, *, note: str = "") -> Profile:
        """Takes a version into use. Raises ModelError where it is not as it was saved, ConfigurationError where it is
        in use already."""
        profile = self._load(name, version)
        profile.require_as_saved()

        def entry(entries: Sequence[Promotion]) -> Promotion:
            stack = stack_of(entries)
            if stack and (stack[-1].reference, stack[-1].digest) == (profile.about.reference, profile.digest):
                raise ConfigurationError(f"{profile.about.reference} is in use already.")
            return self._promotion("promote", profile.about, note)

        self._promotions.append(entry)
        self._index_promotions(f"{profile.about.reference} is promoted")
        return profile

    def rollback(self, *, note: str = "") -> Profile:
        """Takes the version that was promoted before into use again, and gives it. Raises as `promote` does."""

        def entry(entries: Sequence[Promotion]) -> Promotion:
            before = undone(entries)
            return self._promotion("rollback", self._promoted(before).about, note)

        done = self._promotions.append(entry)
        self._index_promotions(f"{done.reference} is in use")
        return self._promoted(done)

    def promoted(self) -> Profile | None:
        """The version in use; None where there is none. Raises ModelError where it is not what was promoted."""
        in_use = self._in_use()
        return None if in_use is None else self._promoted(in_use)

    def decision(self) -> Promotion | None:
        """The promotion or rollback by which the version in use is; None where there is none."""
        return self._promotions.read()[-1] if self._in_use() is not None else None

    def history(self) -> pd.DataFrame:
        """Every promotion and rollback, oldest first: at · action · name · version · digest · note · in_use."""
        return history_frame(self._promotions.read())

    # Looks at test

    def log_test_look(
        self,
        of: Profile | ScoringModel | str,
        holdout: str,
        metrics: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> int:
        """Notes that a model (or its digest) was measured on a test split, by the split's digest; gives the number of
        this look at it: the first is 1."""
        profile = of.about.reference if isinstance(of, Profile) else None
        known = {
            "at": moment(at or self._clock()),
            "holdout": holdout,
            "profile": profile,
            "digest": of if isinstance(of, str) else of.model.digest if isinstance(of, Profile) else of.digest,
            "metrics": metrics_of({"test": metrics or {}})["test"],
        }

        def entry(looks: Sequence[TestLook]) -> TestLook:
            before = sum(look.holdout == holdout for look in looks)
            return validated(TestLook, known | {"look": before + 1}, "a look at test")

        return self._looks.append(entry).look

    def test_looks(self, holdout: str) -> int:
        """How often this test split was looked at."""
        return sum(look.holdout == holdout for look in self._looks.read())

    def looks(self) -> pd.DataFrame:
        """One row per look at a test split, oldest first: at · look · holdout · profile · digest · a column per
        metric."""
        return looks_frame(self._looks.read())

    # The index

    def reindex(self, database: Any = None) -> int:
        """Makes the index in a database (None: the registry's own) anew from the files; gives the number of versions.

        Raises ModelError for a file that cannot be read; the index is then as it was.
        """
        index = self._index if database is None else Index(database)
        if index is None:
            raise ConfigurationError("give a database to index the profiles in.")
        return index.rebuild(
            lambda: [self._library.about(*place) for place in self._library.places()], self._promotions.read
        )

    # Inside

    def _load(self, name: str, version: int | None) -> Profile:
        if name != PROMOTED:
            return self._library.load(name, version)
        in_use = self._in_use()
        if in_use is None:
            raise ConfigurationError(
                f"no profile in {self.folder} is promoted; promote one with `scoring profiles promote NAME`."
            )
        return self._library.load(in_use.name, in_use.version)

    def _in_use(self) -> Promotion | None:
        stack = stack_of(self._promotions.read())
        return stack[-1] if stack else None

    def _promoted(self, entry: Promotion) -> Profile:
        profile = self._load(entry.name, entry.version)
        profile.require_as_saved()
        if profile.digest != entry.digest:
            raise ModelError(f"profile {entry.reference} is not the model that was promoted; its file was exchanged.")
        return profile

    def _promotion(self, action: str, about: About, note: str) -> Promotion:
        known = {"at": moment(self._clock()).replace(microsecond=0), "action": action, "note": note}
        of = {"name": about.name, "version": about.version, "digest": about.digest}
        return validated(Promotion, known | of, f"profile {about.reference}")

    def _index_promotions(self, done: str) -> None:
        self._indexed(done, lambda index: index.set_promotions(self._promotions.read))

    def _indexed(self, done: str, work: Callable[[Index], None]) -> None:
        if self._index is None:
            return
        try:
            work(self._index)
        except DatabaseError as error:
            raise DatabaseError(f"{done}, but not in the index. {error} Then `scoring profiles reindex`.") from error


def _found_on(data: Dataset | FoundOn | None) -> FoundOn | None:
    return FoundOn(fingerprint=data.fingerprint, as_of=data.as_of) if isinstance(data, Dataset) else data
