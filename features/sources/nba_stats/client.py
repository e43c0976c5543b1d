"""stats.nba.com, asked politely: one request at a time, a pause between, retries with growing waits."""

from __future__ import annotations

import random
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from nba_api.stats.library.http import NBAStatsHTTP

from contracts import clock
from contracts.errors import UnavailableError
from contracts.settings import FeatureSettings

RETRIED_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

MAX_WAIT_SECONDS = 120.0
"""A giver that asks for a longer pause is not waited for: the same command goes on later."""

STAYS = "What was fetched before stays: give the same command later and it goes on from there."


class NbaStats:
    """A conversation with stats.nba.com, or what stands in for it at `settings.nba_stats_url`."""

    def __init__(self, settings: FeatureSettings) -> None:
        self._settings = settings
        self._url = settings.nba_stats_url.rstrip("/")
        self._session = requests.Session()
        self._session.hooks["response"].append(self._keep_headers)
        self._headers: dict[str, str] = {}
        self._free_at = 0.0

    def ask(self, query: Any, what: str) -> dict[str, Any]:
        """The JSON object that answers `query` (an endpoint of nba_api, not yet asked); `what` names it for people.

        Time-outs, broken connections, 429, 5xx and answers that are no JSON are asked again after a wait that
        doubles, spread by chance, and is never shorter than a Retry-After. Raises UnavailableError for any other
        refusal, and where all attempts fail or the wait asked for is longer than MAX_WAIT_SECONDS.
        """
        fault = ""
        for attempt in range(self._settings.nba_stats_attempts):
            self._wait(attempt, what)
            try:
                return self._ask_once(query, what)
            except _PassingFaultError as error:
                fault = str(error)
        raise UnavailableError(
            f"{self._url} gave no {what} in {self._settings.nba_stats_attempts} attempts: {fault}.", remedy=STAYS
        )

    def _wait(self, attempt: int, what: str) -> None:
        pause = self._settings.nba_stats_pause_seconds
        spread = random.uniform(0.75, 1.25)  # noqa: S311 no secret: many who wait shall not come back at once
        grown = pause * 2**attempt * spread if attempt else 0.0
        wanted = _retry_after(self._headers.get("retry-after")) if attempt else 0.0
        if wanted > MAX_WAIT_SECONDS:
            raise UnavailableError(
                f"{self._url} asks to come back in {wanted:.0f} seconds; {what} was not fetched.", remedy=STAYS
            )
        time.sleep(max(self._free_at - time.monotonic(), grown, wanted, 0.0))

    def _ask_once(self, query: Any, what: str) -> dict[str, Any]:
        client = NBAStatsHTTP()
        client.base_url = self._url + "/{endpoint}"
        NBAStatsHTTP.set_session(self._session)
        self._headers = {}
        try:
            answer = client.send_api_request(
                endpoint=query.endpoint, parameters=query.parameters, timeout=self._settings.nba_stats_timeout_seconds
            )
        except requests.RequestException as error:
            raise _PassingFaultError(_told(error, self._settings.nba_stats_timeout_seconds)) from error
        finally:
            self._free_at = time.monotonic() + self._settings.nba_stats_pause_seconds
        return self._read(answer, what)

    def _read(self, answer: Any, what: str) -> dict[str, Any]:
        status, size = answer._status_code, len(answer.get_response())  # the library has no other name for it
        if status in RETRIED_STATUSES:
            raise _PassingFaultError(f"status {status}, {size} bytes")
        if status != requests.codes.ok:
            raise UnavailableError(
                f"{self._url} answered {status} for {what}.",
                remedy="It turns many data centres away: ask from elsewhere, or ingest files. " + STAYS,
            )
        if not answer.valid_json():
            raise _PassingFaultError(f"status {status}, {size} bytes that are no JSON")
        found = answer.get_dict()
        if not isinstance(found, dict):
            raise _PassingFaultError(f"status {status}, JSON that is no object")
        return found

    def _keep_headers(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self._headers = {name.lower(): value for name, value in response.headers.items()}


def _retry_after(text: str | None) -> float:
    """Seconds to wait by a Retry-After header (RFC 9110: seconds or a date); 0 where it is absent or unreadable."""
    if not text:
        return 0.0
    if text.strip().isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max((moment.astimezone(UTC) - clock.now()).total_seconds(), 0.0)


def _told(error: requests.RequestException, timeout_seconds: float) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {timeout_seconds:g} seconds"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed"
    return str(error).split("\n", 1)[0].rstrip(".")


class _PassingFaultError(Exception):
    """The request may succeed when asked again."""
