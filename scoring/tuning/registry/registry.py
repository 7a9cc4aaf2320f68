"""The registry: a folder of profiles, the promoted version, and the log of evaluations on test splits."""

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
from scoring.tuning.registry.metadata import ProfileMetadata, TuningData, parse_metrics, to_utc, validate_section
from scoring.tuning.registry.names import PROMOTED, check_name
from scoring.tuning.registry.profile import Profile, dump_profile, parse_profile
from scoring.tuning.registry.profile_reader import ProfileReader
from scoring.tuning.registry.promotions import (
    Promotion,
    find_active_promotions,
    find_rollback_target,
    make_history_frame,
)
from scoring.tuning.registry.registry_frames import make_lineage_frame, make_list_frame
from scoring.tuning.registry.sql_index import ProfileIndex
from scoring.tuning.registry.test_access_log import TestAccess, make_access_frame

__all__ = ["DEFAULT_FOLDER", "Registry"]

DEFAULT_FOLDER = Path("data/profiles")

ModelLike = str | Profile | ScoringModel
"""A profile or model object, NAME (the newest version), NAME@VERSION, `promoted`, or the name of a shipped model."""


class Registry:
    """Profiles in a folder, as YAML files that a team can review and keep in version control.

    The versions of a profile are `folder/NAME/0001.yaml`, `0002.yaml` and so on. They are never overwritten. The
    journals `promotions.jsonl` and `test_looks.jsonl` are append-only. Any number of processes may read and write.

    Parameters
    ----------
    folder: Folder of the profiles. The first write creates it.
    database: Argument of `Database.open`. If given, the registry keeps an index of the profiles in this database.
    components: Custom component classes, in addition to the shipped ones.
    clock: Returns the current time with its time zone.

    Raises
    ------
    ConfigurationError: If a name is invalid.
    ModelError: If a profile does not exist or is invalid.
    OutputError: If the folder cannot be read or written.
    DatabaseError: If the index cannot be written.
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
        self._reader = ProfileReader(self.folder, components)
        self._index = None if database is None else ProfileIndex(database)
        self._clock = clock
        self._promotions = EntryJournal(self.folder, "promotions.jsonl", Promotion)
        self._test_accesses = EntryJournal(self.folder, "test_looks.jsonl", TestAccess)

    def __repr__(self) -> str:
        return f"Registry({str(self.folder)!r})"

    # Saving and loading

    def save(
        self,
        name: str,
        model: ScoringModel,
        *,
        parent: ModelLike | None = None,
        found_on: Dataset | TuningData | None = None,
        metrics: Mapping[str, Mapping[str, Any]] | None = None,
        note: str = "",
        author: str | None = None,
    ) -> Profile:
        """Save the model as a new version of the profile `name`, and return it.

        Parameters
        ----------
        parent: The origin of the weights: a profile, a model or a digest.
        found_on: The data that the weights were tuned on.
        metrics: Split (train, validation, test) → name → number, `Metric`, or mapping of value, low, high and n.
        note: Free text, stored in the file.
        author: Stored only if given.
        """
        name = check_name(name)
        if parent == PROMOTED:
            parent = self.load(PROMOTED)
        known = {
            "name": name,
            "saved_at": to_utc(self._clock()).replace(microsecond=0),
            "author": author,
            "note": note,
            "model": model.name,
            "digest": model.digest,
            "parent": None if parent is None else self._reader.parent(parent),
            "found_on": _found_on(found_on),
            "code_version": sys.modules["scoring"].__version__,
            "metrics": parse_metrics(metrics),
        }

        def metadata(version: int) -> ProfileMetadata:
            return validate_section(ProfileMetadata, known | {"version": version}, f"profile {name}")

        version = self._reader.store.add(name, lambda number: dump_profile(metadata(number), model))
        self._indexed(f"{name}@{version} is saved", lambda index: index.add(metadata(version)))
        kinds = {part.component.kind: type(part.component) for part in model.parts}
        _, text = self._reader.store.text(name, version)
        return parse_profile(text, kinds, source=str(self._reader.store.path(name, version)))

    def load(self, name: str, version: int | None = None) -> Profile:
        """Return a version of a profile (None: the newest). `name` may also be NAME@VERSION or `promoted`.

        Issue a UserWarning if the model differs from the saved one (`Profile.as_saved`).
        """
        profile = self._load(name, version)
        if profile.problem is not None:
            warnings.warn(profile.problem, UserWarning, stacklevel=2)
        return profile

    def use(self, name: str, version: int | None = None) -> Profile:
        """Return a profile for scoring, loaded as by `load`.

        Raises
        ------
        ModelError: If the model differs from the saved or promoted one.
        """
        in_use = self._in_use() if name == PROMOTED else None
        if in_use is not None:
            return self._promoted(in_use)
        profile = self._load(name, version)
        profile.require_as_saved()
        return profile

    def versions(self, name: str) -> tuple[int, ...]:
        """Return the existing versions. The result is empty if the profile does not exist."""
        return tuple(self._reader.store.versions(name))

    def list(self) -> pd.DataFrame:
        """Return a frame with one row per version.

        Columns: name · version · in_use · saved_at · parent · model · digest · data_fingerprint · as_of ·
        code_version · author · note · problem (a sentence if the file cannot be read) · one column per metric, such
        as `test ndcg@10`. Models are not read, so an edited file is reported only when it is loaded.
        """
        in_use = self._in_use()
        rows: dict[tuple[str, int], ProfileMetadata | str] = {}
        for place in self._reader.places():
            try:
                rows[place] = self._reader.metadata(*place)
            except (ModelError, OutputError) as error:  # one invalid file must not hide the other profiles
                rows[place] = str(error)
        return make_list_frame(rows, None if in_use is None else in_use.reference)

    def diff(self, a: ModelLike, b: ModelLike) -> ProfileDiff:
        """Return the differences from `a` to `b`: weights, components, parameters, rules. See `ProfileDiff.frame`."""
        return ProfileDiff(self.model(a), self.model(b))

    def model(self, named: ModelLike) -> ScoringModel:
        """Return the model of a profile, or a shipped model."""
        if isinstance(named, ScoringModel):
            return named
        if isinstance(named, str) and named in preset_names():
            return load_model(named)
        return (named if isinstance(named, Profile) else self.load(named)).model

    def lineage(self, name: str, version: int | None = None) -> pd.DataFrame:
        """Return a frame with one row for the profile and each of its ancestors, nearest first.

        Columns: name · version · digest · saved_at · note · here (whether the registry contains it). The last row may
        be a shipped model, or a model known only by its digest.
        """
        return make_lineage_frame(self._load(name, version).metadata, self._reader.metadata_of)

    # In use

    def promote(self, name: str, version: int | None = None, *, note: str = "") -> Profile:
        """Take a version into use, and return it.

        Raises
        ------
        ModelError: If the model differs from the saved one.
        ConfigurationError: If the version is already in use.
        """
        profile = self._load(name, version)
        profile.require_as_saved()

        def entry(entries: Sequence[Promotion]) -> Promotion:
            stack = find_active_promotions(entries)
            if stack and (stack[-1].reference, stack[-1].digest) == (profile.metadata.reference, profile.digest):
                raise ConfigurationError(
                    f"profile {profile.metadata.reference} is already the promoted one. Nothing was changed."
                )
            return self._promotion("promote", profile.metadata, note)

        self._promotions.append(entry)
        self._index_promotions(f"{profile.metadata.reference} is promoted")
        return profile

    def rollback(self, *, note: str = "") -> Profile:
        """Take the previously promoted version into use again, and return it.

        Raises
        ------
        ModelError: If its model differs from the promoted one.
        ConfigurationError: If no earlier promotion exists.
        """

        def entry(entries: Sequence[Promotion]) -> Promotion:
            before = find_rollback_target(entries)
            return self._promotion("rollback", self._promoted(before).metadata, note)

        done = self._promotions.append(entry)
        self._index_promotions(f"{done.reference} is in use")
        return self._promoted(done)

    def promoted(self) -> Profile | None:
        """Return the version in use, or None.

        Raises
        ------
        ModelError: If its model differs from the promoted one.
        """
        in_use = self._in_use()
        return None if in_use is None else self._promoted(in_use)

    def decision(self) -> Promotion | None:
        """Return the last promotion or rollback. None if no version is in use."""
        return self._promotions.read()[-1] if self._in_use() is not None else None

    def history(self) -> pd.DataFrame:
        """Return all promotions and rollbacks, oldest first: at · action · name · version · digest · note · in_use."""
        return make_history_frame(self._promotions.read())

    # Evaluations on test splits

    def log_test_access(
        self,
        of: Profile | ScoringModel | str,
        holdout: str,
        metrics: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> int:
        """Log an evaluation of a model on a test split. Return its number on this split; the first is 1.

        Parameters
        ----------
        of: The profile, the model, or the digest of the model.
        holdout: Digest of the test split.
        metrics: Name → number, `Metric`, or mapping of value, low, high and n.
        at: Time of the evaluation. None is now.
        """
        profile = of.metadata.reference if isinstance(of, Profile) else None
        known = {
            "at": to_utc(at or self._clock()),
            "holdout": holdout,
            "profile": profile,
            "digest": of if isinstance(of, str) else of.model.digest if isinstance(of, Profile) else of.digest,
            "metrics": parse_metrics({"test": metrics or {}})["test"],
        }

        def entry(accesses: Sequence[TestAccess]) -> TestAccess:
            before = sum(access.holdout == holdout for access in accesses)
            return validate_section(TestAccess, known | {"look": before + 1}, "evaluation on test users")

        return self._test_accesses.append(entry).look

    def log_test_look(
        self,
        of: Profile | ScoringModel | str,
        holdout: str,
        metrics: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> int:
        """Return `log_test_access(…)`. Deprecated since 0.2: use `log_test_access`."""
        warnings.warn("Registry.log_test_look is now Registry.log_test_access.", DeprecationWarning, stacklevel=2)
        return self.log_test_access(of, holdout, metrics, at)

    def count_test_accesses(self, holdout: str) -> int:
        """Return the number of evaluations on this test split."""
        return sum(access.holdout == holdout for access in self._test_accesses.read())

    def test_accesses(self) -> pd.DataFrame:
        """Return a frame with one row per evaluation on a test split, oldest first.

        Columns: at · look (its number on this split) · holdout · profile · digest · one column per metric.
        """
        return make_access_frame(self._test_accesses.read())

    # The index

    def reindex(self, database: Any = None) -> int:
        """Rebuild the index from the files, and return the number of versions.

        `database` None is the database of the registry.

        Raises
        ------
        ConfigurationError: If neither the argument nor the registry has a database.
        ModelError: If a file is invalid. The index is then unchanged.
        """
        index = self._index if database is None else ProfileIndex(database)
        if index is None:
            raise ConfigurationError(
                "reindex needs a database. Use reindex(database) or Registry(folder, database=database)."
            )
        return index.rebuild(
            lambda: [self._reader.metadata(*place) for place in self._reader.places()], self._promotions.read
        )

    # Internal

    def _load(self, name: str, version: int | None) -> Profile:
        if name != PROMOTED:
            return self._reader.load(name, version)
        in_use = self._in_use()
        if in_use is None:
            raise ConfigurationError(
                f"No profile in {self.folder} is promoted. Promote one with `scoring profiles promote NAME`."
            )
        return self._reader.load(in_use.name, in_use.version)

    def _in_use(self) -> Promotion | None:
        stack = find_active_promotions(self._promotions.read())
        return stack[-1] if stack else None

    def _promoted(self, entry: Promotion) -> Profile:
        profile = self._load(entry.name, entry.version)
        profile.require_as_saved()
        if profile.digest != entry.digest:
            raise ModelError(
                f"The file of profile {entry.reference} was replaced after its promotion, so it contains another "
                "model. Restore the file, or promote the profile again."
            )
        return profile

    def _promotion(self, action: str, metadata: ProfileMetadata, note: str) -> Promotion:
        known = {"at": to_utc(self._clock()).replace(microsecond=0), "action": action, "note": note}
        of = {"name": metadata.name, "version": metadata.version, "digest": metadata.digest}
        return validate_section(Promotion, known | of, f"profile {metadata.reference}")

    def _index_promotions(self, done: str) -> None:
        self._indexed(done, lambda index: index.set_promotions(self._promotions.read))

    def _indexed(self, done: str, work: Callable[[ProfileIndex], None]) -> None:
        if self._index is None:
            return
        try:
            work(self._index)
        except DatabaseError as error:
            raise DatabaseError(
                f"{done}, but the index of profiles in the database was not updated. {error} Afterwards, run "
                "`scoring profiles reindex`."
            ) from error


def _found_on(data: Dataset | TuningData | None) -> TuningData | None:
    return TuningData(fingerprint=data.fingerprint, as_of=data.as_of) if isinstance(data, Dataset) else data
