# SPDX-License-Identifier: Apache-2.0
"""Unpacks an image once, reads a file of it without a machine, and clones the disk a hundred times:

python3 clone_a_hundred.py docker.io/library/debian:12 FOLDER
"""

import sys
from pathlib import Path

import vmkit
from vmkit import disk, ext4

name, folder = sys.argv[1], Path(sys.argv[2])
store = vmkit.default_store()
image = store.resolve(name) or vmkit.pull(vmkit.default_client(), store, name)
unpacked = vmkit.disk_cache(store).get_or_unpack(vmkit.image_layers(image, store))

with ext4.Reader(unpacked.path) as reader:
    print(reader.read_file("/etc/os-release").decode().splitlines()[0])

folder.mkdir(parents=True, exist_ok=True)
for number in range(100):
    how = disk.clone(unpacked.path, folder / f"{number}.ext4", disk.CloneOptions(durable=False))
print(f"100 clones ({how.name}): {vmkit.format_size(disk.usage(sorted(folder.iterdir())).total)}")
