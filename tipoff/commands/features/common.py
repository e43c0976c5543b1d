"""What the commands of `tipoff features` share."""

from __future__ import annotations

from typing import Any

import click

FEATURE_SET = click.option(
    "--feature-set", default="v2_33features", show_default=True, help="A set of conf/feature_sets."
)


def plain(report: Any) -> dict[str, Any]:
    """A report, which is a dataclass, as plain values."""
    from dataclasses import asdict

    return asdict(report)
