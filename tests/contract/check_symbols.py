#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the library never prints, never ends the process and never reads the environment:
its objects must not refer to the functions that do. Usage: check_symbols.py LIBRARY.a…
"""

import re
import subprocess
import sys

FORBIDDEN = re.compile(
    r"^(printf|vprintf|puts|putchar|perror|stdout|stderr|exit|_exit|quick_exit|abort|getenv|"
    r"secure_getenv|setenv|putenv|signal|sigaction|system|popen|_ZSt4cout|_ZSt4cerr|_ZSt4clog)$")
# What an object may use in spite of that, and why.
ALLOWED = {
    ("child_process.cpp.o", "_exit"): "the forked child, when exec has failed",
    ("child_process.cpp.o", "signal"): "the forked child's own signal set-up",
}


def main() -> int:
    problems = []
    objects = set()
    for library in sys.argv[1:]:
        listing = subprocess.run(["nm", "-A", "--undefined-only", library], check=True,
                                 capture_output=True, text=True).stdout
        for line in listing.splitlines():
            place, _, symbol = line.rpartition(" U ")
            if not place:
                continue
            name = place.split(":")[1] if ":" in place else place
            objects.add((library, name))
            symbol = symbol.strip().split("@")[0]
            if FORBIDDEN.match(symbol) and (name, symbol) not in ALLOWED:
                problems.append(f"{library}: {name} uses {symbol}")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(objects)} objects of {len(sys.argv) - 1} libraries, {len(problems)} problems")
    return 1 if problems or not objects else 0


if __name__ == "__main__":
    sys.exit(main())
