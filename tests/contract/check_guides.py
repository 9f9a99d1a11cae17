#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles the C++ blocks of a guide in docs/: check_guides.py COMPILER INCLUDE-FOLDER GUIDE.

The first block of a guide is what the others need: each of them is compiled as the rest of a
function that begins with it, in a scope of its own.
"""
import re
import subprocess
import sys
import tempfile


def main() -> int:
    compiler, include, guide = sys.argv[1:]
    with open(guide, encoding="utf-8") as file:
        blocks = re.findall(r"^```cpp\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
    if len(blocks) < 2:
        print(f"{guide}: expected a first block and others, found {len(blocks)}")
        return 1
    source = "#include <vmkit/vmkit.hpp>\n"
    for number, block in enumerate(blocks[1:]):
        source += f"void block_{number}() {{\n{blocks[0]}{{\n{block}}}\n}}\n"
    with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
        file.write(source)
        file.flush()
        return subprocess.run(
            [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wno-unused-variable",
             "-Wno-unused-but-set-variable", "-Werror", "-I", include, file.name],
            timeout=100, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
