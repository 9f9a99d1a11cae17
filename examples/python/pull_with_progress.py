# SPDX-License-Identifier: Apache-2.0
"""Pulls an image into a store, and tells how far each layer is:

python3 pull_with_progress.py [--plain-http] docker.io/library/debian:12 STORE
"""

import argparse

import vmkit


def show(report: vmkit.Progress) -> None:
    done, total = vmkit.format_size(report.done), vmkit.format_size(report.total)
    print(f"{report.phase} {report.subject[:19]} {done} of {total}")


parser = argparse.ArgumentParser()
parser.add_argument("--plain-http", action="store_true")
parser.add_argument("reference", type=vmkit.Reference)
parser.add_argument("store", type=vmkit.ImageStore)
arguments = parser.parse_args()

how = vmkit.RegistryHostOptions(plain_http=arguments.plain_http)
with vmkit.RegistryClient(hosts={arguments.reference.registry: how}) as client:
    image = vmkit.pull(client, arguments.store, arguments.reference, progress=show)
print(image.descriptor.digest)
