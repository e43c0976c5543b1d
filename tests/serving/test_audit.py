"""The audit of the dependencies: what is known fails it, a service that is away does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
KNOWN = {"id": "PYSEC-2026-1", "summary": "It runs what it is sent.", "affected": [], "schema_version": "1.7.0"}


class Vulnerabilities(BaseHTTPRequestHandler):
    """Answers in OSV's interface: `bad` has a known vulnerability, `down` is answered with a 503."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        self.send_response(503 if asked == "down" else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"vulns": [KNOWN]} if asked == "bad" else {}).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Vulnerabilities)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


def audit(url: str, requirements: str, folder: Path) -> tuple[int, str]:
    path = folder / "requirements.lock"
    path.write_text(requirements)
    done = subprocess.run(
        [sys.executable, PROJECT / ".ci" / "audit.py", path],
        env={**os.environ, "TIPOFF_AUDIT_URL": url, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("requirements", "code", "said"),
    [
        ("good==1.0\nfine==2.0\n", 0, "2 packages audited, 0 vulnerabilities known\n"),
        ("good==1.0\nbad==2.0\n", 1, "bad 2.0: PYSEC-2026-1, mended in no version yet\n2 packages audited, 1 "),
        ("down==1.0\n", 0, "Not audited: the vulnerability service is out of reach.\n"),
        ("good>=1.0\n", 2, "The audit failed: "),
    ],
)
def test_what_is_known_fails_the_audit_and_nothing_else_passes_for_it(requirements, code, said, url, tmp_path):
    found = audit(url, requirements, tmp_path)
    assert found[0] == code, found[1]
    assert found[1].startswith(said)


def test_without_a_network_it_says_so_in_a_line_and_does_not_fail(tmp_path):
    found = audit("http://127.0.0.1:9/v1/query", "good==1.0\n", tmp_path)
    assert found == (0, "Not audited: the vulnerability service is out of reach.\n")


def test_the_lock_itself_can_be_audited(url, tmp_path):
    code, said = audit(url, (PROJECT / "requirements.lock").read_text(), tmp_path)
    assert code == 0, said
    assert "not audited" not in said
