#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that each module includes only what the arrows of ARCHITECTURE.md allow.

The arrows are read from the table there ("name -> other, other"), so that the text and the code
cannot drift apart. Usage: check_arrows.py REPOSITORY
"""

import pathlib
import re
import sys

ARROW = re.compile(r"^    (\w+)\s*-> ([\w, ]+)$", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"](?:vmkit/)?(\w+)/', re.MULTILINE)


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    arrows = {}
    for name, targets in ARROW.findall((root / "ARCHITECTURE.md").read_text()):
        arrows[name] = set() if targets == "nothing" else {t.strip() for t in targets.split(",")}
    modules = {path.name for path in (root / "src").iterdir() if path.is_dir()}
    problems = [f"ARCHITECTURE.md: no arrow for src/{name}" for name in modules - arrows.keys()]
    problems += [f"ARCHITECTURE.md: an arrow for {name}, but no src/{name}"
                 for name in arrows.keys() - modules]
    files = 0
    for module in sorted(modules & arrows.keys()):
        allowed = arrows[module] | {module}
        folders = [root / "src" / module, root / "include" / "vmkit" / module]
        for path in sorted(p for folder in folders for p in folder.rglob("*")):
            if path.suffix not in {".cpp", ".hpp", ".mm"}:
                continue
            files += 1
            for used in INCLUDE.findall(path.read_text()):
                if used in modules and used not in allowed:
                    problems.append(f"{path.relative_to(root)}: {module} must not include {used}")
            if "include" in path.relative_to(root).parts and '"os/' in path.read_text():
                problems.append(f"{path.relative_to(root)}: os is private, not for public headers")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{files} files of {len(modules)} modules, {len(problems)} problems")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main())
