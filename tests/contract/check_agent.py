#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that guest agents are static programs of less than 2 MiB. Usage: check_agent.py FILE…"""

import os
import subprocess
import sys


def is_good(path: str) -> bool:
    size = os.path.getsize(path)
    headers = subprocess.run(["readelf", "--program-headers", "--dynamic", path], check=True,
                             capture_output=True, text=True).stdout
    static = "LOAD" in headers and "INTERP" not in headers and "NEEDED" not in headers
    print(f"{path}: {size} bytes, {'static' if static else 'not static'}")
    return static and size < 2 * 1024 * 1024


def main() -> int:
    return 0 if all([is_good(path) for path in sys.argv[1:]]) else 1


if __name__ == "__main__":
    sys.exit(main())
