"""Check the packages of this interpreter for known vulnerabilities: `python scripts/audit.py PIP_AUDIT`.

`pip-audit` queries the Python Package Index for each package and version, so it needs the network. It exits with 0 even
if it could not query any package; this script reports that as a failure.

Exit codes: 0 every package was queried and none is vulnerable; 1 some are; 2 some could not be queried.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OWN = "scoring"


def verdict(packages: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """Return the lines to print for pip-audit's `dependencies`, and the exit code."""
    dependencies = [package for package in packages if package["name"] != OWN]
    skipped = [package for package in dependencies if "skip_reason" in package]
    lines = [
        f"{package['name']} {package['version']}: {known['id']}, fixed in {', '.join(known['fix_versions']) or '-'}"
        for package in dependencies
        for known in package.get("vulns", [])
    ]
    audited = len(dependencies) - len(skipped)
    if lines:
        lines.append(f"{len(lines)} known vulnerabilities in {audited} packages. Install the fixed versions.")
    if skipped or not dependencies:
        lines.append(
            f"{len(skipped)} of {len(dependencies)} packages could not be audited ({_list_names(skipped)}): "
            "the Python Package Index returned no result for them. Check the network connection."
        )
    elif not lines:
        lines.append(f"{audited} packages, no known vulnerabilities.")
    vulnerable = any(package.get("vulns") for package in dependencies)
    return lines, 1 if vulnerable else 2 if skipped or not dependencies else 0


def _list_names(packages: Sequence[Mapping[str, Any]]) -> str:
    names = [str(package["name"]) for package in packages[:3]]
    return ", ".join([*names, "…"] if len(packages) > 3 else names)


def main(pip_audit: str) -> int:
    """Run pip-audit, print the result and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        words = [pip_audit, "--path", sysconfig.get_path("purelib"), "--format", "json", "--output", str(answer)]
        done = subprocess.run([*words, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
        try:
            packages = json.loads(answer.read_text("utf-8"))["dependencies"]
        except (OSError, ValueError, KeyError):
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            print(
                f"The audit failed: pip-audit returned no result ({last[0]}). "
                "Check the connection to the Python Package Index."
            )
            return 2
    lines, code = verdict(packages)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
