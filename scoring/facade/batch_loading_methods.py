"""Methods that load rows, histories and popularity in batches: no query for each id."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import numpy as np
import pandas as pd

from scoring.array_types import Longs
from scoring.columns import TABLES
from scoring.columns.id_arguments import IdList, list_ids
from scoring.database.readers import load_jobs_async, load_users_async
from scoring.dataset.row_lookup import RowLookup
from scoring.errors import DataError
from scoring.facade.engine_state import EngineState, require_integer
from scoring.facade.legacy_result_types import (
    ColumnNames,
    CompanyPopularity,
    UserHistory,
    make_company_popularity,
    make_user_history,
    select_argument,
    select_column_names,
)

__all__ = ["LoadingMethods"]


class LoadingMethods(EngineState):
    """Frames have canonical or legacy columns, as `process_scoring_batch` accepts them.

    Jobs and users are read from the database as it is now. Histories and popularity come from the data that scores use.
    Invalid rows are omitted, as they are when the data is loaded. Ids are numbers or external ids, several or one.
    """

    async def _batch_load_jobs_optimized(
        self, job_ids: IdList | None = None, limit: int | None = None, *, columns: ColumnNames = "canonical"
    ) -> pd.DataFrame:
        """Return jobs by job_id: all or those with these ids (unknown ids are omitted), at most `limit`.

        `columns="legacy"`: the legacy column names, such as `endcl_cd` and `occupation_cd1`.

        Raises
        ------
        DatabaseError: If the database cannot be read.
        ConfigurationError: If `limit`, `columns` or an id is invalid.
        """
        names = select_column_names("jobs", columns)
        if self._data.database is None:
            frame = await self._from_dataset("jobs", job_ids, limit)
        else:
            wanted = None if job_ids is None else list_ids(job_ids)  # may be read twice
            frame = await self._load_valid_rows(partial(load_jobs_async, self._data.database, wanted, limit))
        return frame.rename(columns=names) if names else frame

    async def _batch_load_users_optimized(
        self, user_ids: IdList | None = None, limit: int | None = None, *, columns: ColumnNames = "canonical"
    ) -> pd.DataFrame:
        """Return users by user_id: all or those with these ids (unknown ids are omitted), at most `limit`.

        `columns="legacy"`: the legacy column names, such as `estimated_pref_cd` and `preferred_categories`.

        Raises
        ------
        DatabaseError: If the database cannot be read.
        ConfigurationError: If `limit`, `columns` or an id is invalid.
        """
        names = select_column_names("users", columns)
        if self._data.database is None:
            frame = await self._from_dataset("users", user_ids, limit)
        else:
            wanted = None if user_ids is None else list_ids(user_ids)  # may be read twice
            frame = await self._load_valid_rows(partial(load_users_async, self._data.database, wanted, limit))
        return frame.rename(columns=names) if names else frame

    async def _batch_load_user_history(self, user_ids: IdList) -> UserHistory:
        """Return what these users did in the last 90 days as of the clock: see `UserHistory`.

        Raises
        ------
        DatabaseError: If the data cannot be loaded.
        ConfigurationError: If an id is invalid.
        """
        wanted = list_ids(user_ids)
        dataset = (await self._data.get_async()).dataset
        return await asyncio.to_thread(make_user_history, dataset, wanted)

    async def _batch_load_company_popularity(
        self, company_ids: Iterable[str] | str | None = None, *, endcl_cds: Iterable[str] | str | None = None
    ) -> CompanyPopularity:
        """Return the popularity of these companies as of the clock: see `CompanyPopularity`.

        `endcl_cds` is the legacy name of `company_ids`.

        Raises
        ------
        DatabaseError: If the data cannot be loaded.
        ConfigurationError: If both arguments are given, or none.
        """
        codes = select_argument(company_ids, "company_ids", endcl_cds, "endcl_cds")
        snapshot = await self._data.get_async()
        return await asyncio.to_thread(make_company_popularity, snapshot, codes)

    async def _load_valid_rows(self, load: Callable[..., Awaitable[pd.DataFrame]]) -> pd.DataFrame:
        """Return the rows without invalid ones. Raises DataError if too many rows are invalid."""
        try:
            return await load()
        except DataError:
            await self._data.get_async()  # warns of the omitted rows, or raises that there are too many
            return await load(on_bad="quarantine")

    async def _from_dataset(self, table: str, ids: IdList | None, limit: int | None) -> pd.DataFrame:
        size = None if limit is None else require_integer("limit", limit, least=0)
        dataset = (await self._data.get_async()).dataset
        frame: pd.DataFrame = getattr(dataset.tables, table)
        if ids is not None:
            lookup = dataset.user_lookup if table == "users" else dataset.job_lookup
            frame = frame[np.isin(frame[TABLES[table].key[0]], _find_known(lookup, ids))]
        return _copy_lists(frame.iloc[:size].reset_index(drop=True))


def _copy_lists(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with its own lists, because the caller may change them."""
    lists = [str(name) for name in frame if frame[name].dtype == object]
    return frame.assign(**{name: frame[name].map(list) for name in lists})


def _find_known(lookup: RowLookup, ids: IdList) -> Longs:
    """Return the numbers of the ids that exist."""
    rows, is_known = lookup.resolve(ids)
    return lookup.ids[rows[is_known]]
