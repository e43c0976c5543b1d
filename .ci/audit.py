"""`make audit`: the pinned packages held against the known vulnerabilities, by pip-audit.

Exit codes: 0 none is known, or the vulnerability service is out of reach (one line says so); 1 some are, each is named;
2 the audit itself failed. TIPOFF_AUDIT_URL is another service of OSV's interface than pip-audit's own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

OUT_OF_REACH = re.compile(r"\w*(?:Connection|Connect|Read|Proxy|SSL|Service)(?:Error|Timeout)\b|Could not connect")
SECONDS = "10"


def main(requirements: str) -> int:
    """Audit the file `requirements`, whose packages are pinned."""
    where = ["--osv-url", os.environ["TIPOFF_AUDIT_URL"]] if os.environ.get("TIPOFF_AUDIT_URL") else []
    options = ["--vulnerability-service", "osv", *where, "--timeout", SECONDS, "--format", "json"]
    pinned = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--requirement", requirements]
    asked = [sys.executable, "-m", "pip_audit", *options, *pinned]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    try:
        return _tell(json.loads(done.stdout)["dependencies"])
    except json.JSONDecodeError:
        return _tell_failure(done.stderr)


def _tell(packages: list[dict[str, Any]]) -> int:
    n_found = 0
    for package in packages:
        for each in package.get("vulns", []):
            n_found += 1
            mended = ", ".join(each["fix_versions"]) or "no version yet"
            print(f"{package['name']} {package['version']}: {each['id']}, mended in {mended}")
    skipped = [str(package["name"]) for package in packages if "skip_reason" in package]
    told = f"; not audited: {', '.join(skipped)}" if skipped else ""
    print(f"{len(packages) - len(skipped)} packages audited, {n_found} vulnerabilities known{told}")
    return 1 if n_found else 0


def _tell_failure(said: str) -> int:
    last = said.strip().splitlines()[-1] if said.strip() else "nothing said"
    reason = OUT_OF_REACH.search(last)
    if reason is None:
        print(f"The audit failed: {said[-2000:]}", file=sys.stderr)
        return 2
    print("Not audited: the vulnerability service is out of reach.")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
