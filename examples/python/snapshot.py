# SPDX-License-Identifier: Apache-2.0
"""A container that is kept: a snapshot, a mistake, and back:

python3 snapshot.py docker.io/library/debian:12 FOLDER
"""

import sys

import vmkit

name, folder = sys.argv[1:]
with vmkit.Container(name, folder=folder, keep=True) as box:
    box.files.write("/root/work", b"a day's work\n")

snapshots = vmkit.Snapshots(box.disk)
snapshots.create("evening")

options = vmkit.ContainerOptions(
    image=box.image,
    store=vmkit.default_store(),
    folder=folder,
    backend=vmkit.default_backend(),
    kernel=vmkit.default_kernel(),
    keep=True,
)
with vmkit.Container.open(options) as box:
    box.run("rm", "/root/work", check=True)

snapshots.restore("evening")
with vmkit.Container.open(options) as box:
    print(box.run("cat", "/root/work", check=True).stdout, end="")
