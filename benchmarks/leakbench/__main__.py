"""`python -m benchmarks.leakbench [--write]`: plant everything, print the table, say what got through.

With --write docs/leaks.md is written; what other tools catch stays there as it was
unless all of them are installed. Exit code 1 where a plant got through.
"""

from __future__ import annotations

import sys

from benchmarks.leakbench.others import ABOUT, TOOLS, installed_tools, told
from benchmarks.leakbench.page import HEAD, OTHERS, PAGE, others_of_page, page, try_all
from benchmarks.leakbench.world import make_world


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
    others = f"{OTHERS}\n{ABOUT}\n{told(make_world())}"
    print(f"\n{others}", end="")
    if "--write" in arguments:
        is_whole = len(installed_tools()) == len(TOOLS)
        PAGE.write_text(page(lines, others if is_whole else others_of_page()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
