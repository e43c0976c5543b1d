"""Ports: whether one is free."""

from __future__ import annotations

import errno
import socket

from contracts.errors import UnavailableError, UsageError


def require_free_port(host: str, port: int, *, remedy: str) -> None:
    """Nothing, where `port` of `host` (an IP address) can be listened on.

    Raises UnavailableError where another process has it, UsageError where the host is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left (TIME_WAIT) is free
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise UsageError(f"{host!r} is not an address of this machine.") from error
            what = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be listened on: {error.strerror}"
            raise UnavailableError(f"Port {port} of {host} {what}.", remedy=remedy) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port of `host` that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port
