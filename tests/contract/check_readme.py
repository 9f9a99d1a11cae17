#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the README shows examples/01_run.cpp as it is, that it has at most 40 lines, and that
the links in our texts lead somewhere. Usage: check_readme.py REPOSITORY
"""

import pathlib
import re
import sys


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    problems = []
    example = (root / "examples" / "01_run.cpp").read_text()
    if example not in (root / "README.md").read_text():
        problems.append("README.md does not show examples/01_run.cpp as it is")
    if example.count("\n") > 40:
        problems.append(f"examples/01_run.cpp has {example.count(chr(10))} lines, 40 are promised")
    texts = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    for text in texts:
        prose = re.sub(r"^```.*?^```", "", text.read_text(), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose):
            if not (text.parent / target).exists():
                problems.append(f"{text.relative_to(root)}: the link to {target} leads nowhere")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(texts)} texts, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
