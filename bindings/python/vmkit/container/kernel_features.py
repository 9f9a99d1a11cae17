# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vmkit import _vmkit

if TYPE_CHECKING:
    from vmkit.base.types import Path
    from vmkit.container.options import Kernel


class KernelFeature(enum.Enum):
    """What vmkit and the programs in its containers can use of a guest's kernel.

    Example::

        features.may_have(KernelFeature.tun)
    """

    virtio_mmio = "virtio_mmio"
    virtio_pci = "virtio_pci"
    virtio_console = "virtio_console"
    virtio_blk = "virtio_blk"
    ext4 = "ext4"
    initrd = "initrd"
    namespaces = "namespaces"
    cgroups = "cgroups"
    virtio_net = "virtio_net"
    virtio_rng = "virtio_rng"
    vsock = "vsock"
    virtiofs = "virtiofs"
    plan9 = "plan9"
    overlay = "overlay"
    erofs = "erofs"
    seccomp = "seccomp"
    cgroup_cpu = "cgroup_cpu"
    cgroup_cpuset = "cgroup_cpuset"
    cgroup_memory = "cgroup_memory"
    cgroup_pids = "cgroup_pids"
    cgroup_io = "cgroup_io"
    cgroup_devices = "cgroup_devices"
    pressure = "pressure"
    power_button = "power_button"
    user_namespaces = "user_namespaces"
    posix_mqueue = "posix_mqueue"
    fuse = "fuse"
    tun = "tun"
    veth = "veth"
    bridge = "bridge"
    nf_tables = "nf_tables"
    ipv6 = "ipv6"
    io_uring = "io_uring"
    binfmt_misc = "binfmt_misc"


class KernelSupport(enum.Enum):
    """Where a kernel has a feature.

    Example::

        status.support is KernelSupport.module
    """

    built_in = "built_in"
    module = "module"
    """In the modules folder."""
    missing = "missing"
    """Also a module whose file is not in the modules folder."""
    unknown = "unknown"
    """Neither a configuration nor a list of modules tells."""


@dataclass(kw_only=True, slots=True, frozen=True)
class KernelFeatureStatus:
    """Whether a kernel has a feature, and what for.

    Example::

        features.status(KernelFeature.overlay).needed_for
    """

    feature: KernelFeature
    support: KernelSupport
    option: str
    """Of the kernel's configuration: "CONFIG_PSI"."""
    needed_for: str
    """ "statistics of how long processes wait"."""
    required: bool = False
    """No container runs without it (of the transports, one will do)."""


@dataclass(kw_only=True, slots=True, frozen=True)
class KernelFeatures:
    """What a kernel has.

    Example::

        kernel_features(kernel).release
    """

    release: str
    """As `uname -r` has it; empty if it is not known."""
    configuration: Path | None
    """The file that was read; the image itself, or empty."""
    features: list[KernelFeatureStatus]
    """Each feature once, in their order."""

    def status(self, feature: KernelFeature) -> KernelFeatureStatus:
        """What is known of one. Example: ``features.status(KernelFeature.overlay).support``."""
        return next(status for status in self.features if status.feature is feature)

    def may_have(self, feature: KernelFeature) -> bool:
        """Not known to be missing."""
        return self.status(feature).support is not KernelSupport.missing


def kernel_features(kernel: Kernel) -> KernelFeatures:
    """What `kernel` has, without booting it.

    Example::

        kernel_features(vmkit.default_kernel()).may_have(KernelFeature.overlay)
    """
    return _vmkit.kernel_features(kernel)


def missing_requirements(kernel: Kernel) -> list[KernelFeature]:
    """What `kernel` lacks and without which no container runs.

    Example::

        if missing_requirements(kernel): raise SystemExit("this kernel will not do")
    """
    return _vmkit.missing_requirements(kernel)
