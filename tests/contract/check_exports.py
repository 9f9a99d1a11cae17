#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that a shared libvmkit exports vmkit's public names and nothing else, under a versioned
soname. Usage: check_exports.py libvmkit.so MAJOR.MINOR
"""

import re
import subprocess
import sys

# Members and functions of the namespace; virtual tables, type information, guards; thunks.
OURS = re.compile(r"^_Z(T[VIST]|GV|Thn?\d+_|Tv0_n\d+_)?NK?[RO]?5vmkit")
# Without these no program can use the library, or catch its errors.
NEEDED = {"_ZTIN5vmkit5ErrorE", "_ZTVN5vmkit5ErrorE", "_ZTIN5vmkit6SourceE"}
NEEDED_FUNCTION = re.compile(r"^_ZN5vmkit3oci9Reference5parseE")


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> int:
    library, version = sys.argv[1:]
    names = {line.split()[-1] for line in output("nm", "-D", "--defined-only", library).splitlines()}
    problems = [f"exports {name}" for name in sorted(names) if not OURS.match(name)]
    # "os" is private: it has no public header.
    problems += [f"exports the private {name}" for name in sorted(names) if "5vmkit2os" in name.split("E")[0]]
    problems += [f"does not export {name}" for name in sorted(NEEDED - names)]
    if not any(NEEDED_FUNCTION.match(name) for name in names):
        problems.append("does not export vmkit::oci::Reference::parse")
    soname = f"[libvmkit.so.{version}]"
    dynamic = output("readelf", "-d", "-W", library)
    if not re.search(rf"\(SONAME\).*{re.escape(soname)}", dynamic):
        problems.append(f"has another soname than {soname}")
    if re.search(r"\((RPATH|RUNPATH|TEXTREL)\)", dynamic):
        problems.append("has a run path or text relocations")
    for problem in problems:
        print(f"{library}: {problem}", file=sys.stderr)
    print(f"{len(names)} exported names, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
