"""The report on a saved profile, from Python."""

from __future__ import annotations

from pathlib import Path

from scoring.argument_checks import check_list_length
from scoring.dataset import Dataset
from scoring.evaluation import Comparison
from scoring.model_report.list_changes import ListChanges
from scoring.model_report.report_content import collect_profile_content, find_baseline
from scoring.model_report.report_page import check_report_file, write_report_page
from scoring.ranking import Prepared
from scoring.registry import Registry
from scoring.storage.home_folder_expansion import expand_path

__all__ = ["write_profile_report"]


def write_profile_report(path: str | Path, registry: Registry, name: str, data: Dataset, *, k: int = 40) -> int:
    """Write the report on a profile as one HTML page, as `scoring report NAME` does. Return its size in bytes.

    The lists of the profile are compared with those of the model in use before it, or of its parent.

    Parameters
    ----------
    name: A profile of the registry, such as `found` or `found@2`.
    data: The data of which the lists are compared.
    k: The length of the lists.

    Raises
    ------
    ModelError, ConfigurationError: If the registry does not contain the profile.
    OutputError: If the file cannot be written, or is not a report.

    Example
    -------
    >>> from scoring.registry import Registry
    >>> registry = Registry(folder / "reports")
    >>> profile = registry.save("nearby", model.with_weights({"location": 1.0}), note="places only")
    >>> write_profile_report(folder / "nearby.html", registry, "nearby", data, k=5) > 1_000
    True
    """
    path, k = expand_path(path), check_list_length(k)
    check_report_file(path)
    profile = registry.use(name)
    baseline = find_baseline(registry, profile)
    if baseline.model is None:
        content = collect_profile_content(registry, profile, baseline, None, "The model before it is not available.")
        return write_report_page(path, content)
    before, names = Prepared.of(data, baseline.model), (baseline.name, profile.metadata.reference)
    lists = ListChanges.of(Comparison.of(before, before.with_model(profile.model), k, names=names))
    return write_report_page(path, collect_profile_content(registry, profile, baseline, lists))
