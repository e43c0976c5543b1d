"""The pages in a real browser: as wide as a phone, and the live page's script under its own security policy."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
import uvicorn
from starlette.applications import Starlette

from contracts.database import writing
from contracts.settings import Settings
from contracts.tables import games, monitor_states
from monitoring.grading import grade
from monitoring.report.page import write_report
from serving.door import Door
from serving.slate import predict_slate
from tests.tipoff.coordinator.browser import ABSENT, CHROMIUM, Browser
from tipoff.coordinator.app import Endpoints

pytestmark = pytest.mark.slow
MEASURE = """<iframe id=page src="{address}" style="border:0; width:{width}px; height:3000px"></iframe><script>
page.onload = () => {{ document.title = "wide " + page.contentDocument.documentElement.scrollWidth; }}</script>"""


@pytest.fixture
def browse(tmp_path) -> Callable[..., str]:
    """browse(address, *options) -> the page's DOM after its scripts have run."""
    if CHROMIUM is None:
        pytest.skip(ABSENT)

    def browsed(address: str, *options: str) -> str:
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
        profile = f"--user-data-dir={tmp_path / 'profile'}"
        command = [CHROMIUM, *flags, profile, "--window-size=1400,3000", "--dump-dom", *options, address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return done.stdout + done.stderr

    return browsed


@pytest.fixture
def width_in(browse, tmp_path) -> Callable[[Path, int], int]:
    """width_in(page, width) -> how wide the page is in a window of that width."""

    def measured(page: Path, width: int) -> int:
        frame = tmp_path / "frame.html"
        frame.write_text(MEASURE.format(address=page.as_uri(), width=width))
        told = browse(frame.as_uri(), "--virtual-time-budget=4000")
        return int(re.search(r"wide (\d+)", told)[1])

    return measured


@pytest.fixture
def serve() -> Iterator[Callable[[Endpoints], str]]:
    """serve(front) -> the address where a real server answers with it."""
    servers = []

    def start(front: Endpoints) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = uvicorn.Config(Door(Starlette(), lambda: front), port=port, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        servers.append((server, thread))
        address = f"http://127.0.0.1:{port}"
        for _ in range(200):
            try:
                httpx.get(f"{address}/livez")
                return address
            except httpx.TransportError:
                time.sleep(0.05)
        raise TimeoutError(address)

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join()


def test_the_report_is_no_wider_than_a_phone_or_a_desk(world, game_date, width_in, tmp_path):
    with world.engine.connect() as connection:
        days = connection.scalars(sa.select(games.c.game_date).where(games.c.game_date <= game_date).distinct()).all()
    for day in sorted(days)[-8:]:
        predict_slate(world.engine, world.home, Settings(), day)
    grade(world.engine, Settings())
    long = {"monitor": "feature_drift", "subject": "shot_zone_mismatch_score_" * 3, "state": "watch"}
    with writing(world.engine) as connection:
        told = {"since": game_date, "n_bad": 1, "n_good": 0, "game_date": game_date}
        connection.execute(sa.insert(monitor_states).values(long | told))
    page = write_report(world.engine, Settings(), game_date, tmp_path / "report.html")
    assert page.read_text().count("<svg") >= 5
    assert width_in(page, 390) <= 390
    assert width_in(page, 1280) <= 1280


def test_the_live_page_is_no_wider_than_a_phone_and_asks_again_by_itself(make_front, serve, browse, width_in, tmp_path):
    address = serve(make_front())
    page = tmp_path / "live.html"
    page.write_text(httpx.get(address).text)
    assert width_in(page, 390) <= 390
    told = browse(address, "--virtual-time-budget=25000", "--enable-logging=stderr")
    assert "Content Security Policy" not in told
    asked = re.search(r'requests_total\{endpoint="/",status="200"\} (\d+)', httpx.get(f"{address}/metrics").text)
    assert int(asked[1]) >= 3, "once by this test, once by the browser, again by its script"


def test_a_browser_without_the_token_is_asked_for_it(make_front, serve, browse):
    seen = unescape(browse(serve(make_front(token="secret")), "--virtual-time-budget=3000"))
    assert "<input" in seen
    assert "This page wants the token" in seen


def test_a_browser_that_gives_the_token_sees_the_page_and_one_that_gives_another_is_told(make_front, serve, tmp_path):
    if CHROMIUM is None:
        pytest.skip(ABSENT)
    with Browser(tmp_path / "profile", serve(make_front(token="secret"))) as browser:
        browser.give("wrong")
        browser.wait_for("That token was refused.")
        browser.give("secret")
        browser.wait_for("worst monitor")
        assert browser.run("document.querySelector('input') === null")
