"""The audit reports known vulnerabilities, and fails if the service gives no answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import audit

SAFE = {"name": "numpy", "version": "2.4.0", "vulns": []}
KNOWN = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": "x"}
VULNERABLE = {"name": "jinja2", "version": "1.0", "vulns": [KNOWN]}
SKIPPED = {"name": "pandas", "skip_reason": "Dependency not found on PyPI and could not be audited"}
OWN = {"name": "scoring", "skip_reason": "distribution marked as editable"}


@pytest.mark.parametrize(
    ("packages", "code", "message"),
    [
        ([SAFE, OWN], 0, "1 packages, no known"),
        ([SAFE, VULNERABLE], 1, "jinja2 1.0: PYSEC-1, fixed in 2.0"),
        ([SAFE, SKIPPED], 2, "1 of 2 packages could not be audited (pandas)"),
        ([VULNERABLE, SKIPPED], 1, "1 of 2 packages could not be audited"),
        ([SKIPPED] * 4, 2, "4 of 4 packages could not be audited (pandas, pandas, pandas, …)"),
        ([], 2, "0 of 0 packages could not be audited"),
    ],
)
def test_vulnerabilities_are_reported(packages: list[dict[str, Any]], code: int, message: str) -> None:
    lines, found = audit.verdict(packages)
    assert found == code
    assert message in "\n".join(lines)
    assert code == 0 or "no known" not in "\n".join(lines)


def test_failing_tool_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tool = tmp_path / "tool"
    tool.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no such host')\n")
    tool.chmod(0o700)
    assert audit.main(str(tool)) == 2
    assert "The audit failed: pip-audit returned no result (no such host)" in capsys.readouterr().out
