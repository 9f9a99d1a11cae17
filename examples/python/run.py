# SPDX-License-Identifier: Apache-2.0
"""Runs a command in a container of its own machine, as `docker run --rm`:

python3 run.py docker.io/library/debian:12 cat /etc/os-release
"""

import sys

import vmkit


def main() -> int:
    image, *command = sys.argv[1:]
    with vmkit.Container(image) as box:
        result = box.run(*command)
    sys.stdout.write(result.stdout)
    sys.stderr.write(result.stderr)
    return result.returncode


sys.exit(main())
