#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the guest agent is a static program of less than 2 MiB. Usage: check_agent.py FILE"""

import os
import subprocess
import sys


def main() -> int:
    path = sys.argv[1]
    size = os.path.getsize(path)
    headers = subprocess.run(["readelf", "--program-headers", "--dynamic", path], check=True,
                             capture_output=True, text=True).stdout
    static = "LOAD" in headers and "INTERP" not in headers and "NEEDED" not in headers
    print(f"{size} bytes, {'static' if static else 'not static'}")
    return 0 if static and size < 2 * 1024 * 1024 else 1


if __name__ == "__main__":
    sys.exit(main())
