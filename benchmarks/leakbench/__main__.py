"""`python -m benchmarks.leakbench [--write]`: plant everything, print the table, say what got through.

With --write docs/leaks.md is written. Exit code 1 where a plant got through.
"""

from __future__ import annotations

import sys

from benchmarks.leakbench.page import HEAD, PAGE, page, try_all


def main(arguments: list[str]) -> int:
    """Run all plants; returns the exit code."""
    lines: list[str] = []

    def report(line: str) -> None:
        lines.append(line)
        print(line, flush=True)

    print(HEAD, end="")
    found = try_all(report)
    through = [name for name, detections in found.items() if not detections]
    print(f"\n{len(found)} plants, {len(found) - len(through)} caught.")
    if through:
        print(f"Got through: {'; '.join(through)}.")
        return 1
    if "--write" in arguments:
        PAGE.write_text(page(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
