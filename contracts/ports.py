"""Ports: whether one is free."""

from __future__ import annotations

import socket

from contracts.errors import UnavailableError


def require_free_port(host: str, port: int, *, remedy: str) -> None:
    """Nothing, where `port` of `host` can be listened on.

    Raises UnavailableError where it cannot.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UnavailableError(f"Port {port} of {host} cannot be used: {error.strerror}.", remedy=remedy) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port of `host` that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
