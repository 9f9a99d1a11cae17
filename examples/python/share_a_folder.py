# SPDX-License-Identifier: Apache-2.0
"""Counts the files of a folder of the host, which the container sees but cannot write:

python3 share_a_folder.py docker.io/library/debian:12 FOLDER
"""

import sys

import vmkit

name, folder = sys.argv[1:]
mount = vmkit.HostMount(path=folder, target="/srv/project", read_only=True)
with vmkit.Container(name, host_mounts=[mount]) as box:
    found = box.run("find", "/srv/project", "-type", "f", check=True)
    print(len(found.stdout.splitlines()), "files")
    print("writing:", box.run("touch", "/srv/project/new").stderr.strip())
