# SPDX-License-Identifier: Apache-2.0
"""Containers, each in a virtual machine of its own."""

from vmkit.container.container import Container
from vmkit.container.defaults import DEFAULT_DISK_SIZE, DEFAULT_VOLUME_SIZE, data_folder, default_backend, default_client, default_folder, default_kernel, default_kernel_for, default_store, runtime_folder
from vmkit.container.kernel_features import KernelFeature, KernelFeatureStatus, KernelFeatures, KernelSupport, kernel_features, missing_requirements
from vmkit.container.options import ContainerOptions, DiskMount, ExecProbe, ExtraHost, Health, HealthState, HostMount, HttpProbe, ImageOverrides, ImageVolumes, Isolation, Kernel, LogProbe, Names, PortMapping, Probe, ProcessOptions, TcpProbe, Timeline, VolumeMount
from vmkit.container.records import CommitOptions, CommittedImage, ContainerEvent, ContainerRecord, RecordState, UnpackedImage, VolumeInfo
from vmkit.container.transfer import command_of, commit, disk_cache, image_layers, list_containers, of_no_image, overridden, parse_port_mapping, pull_and_unpack
from vmkit.container.volumes import Volumes

__all__ = [
    "CommitOptions",
    "CommittedImage",
    "Container",
    "ContainerEvent",
    "ContainerOptions",
    "ContainerRecord",
    "DEFAULT_DISK_SIZE",
    "DEFAULT_VOLUME_SIZE",
    "DiskMount",
    "ExecProbe",
    "ExtraHost",
    "Health",
    "HealthState",
    "HostMount",
    "HttpProbe",
    "ImageOverrides",
    "ImageVolumes",
    "Isolation",
    "Kernel",
    "KernelFeature",
    "KernelFeatureStatus",
    "KernelFeatures",
    "KernelSupport",
    "LogProbe",
    "Names",
    "PortMapping",
    "Probe",
    "ProcessOptions",
    "RecordState",
    "TcpProbe",
    "Timeline",
    "UnpackedImage",
    "VolumeInfo",
    "VolumeMount",
    "Volumes",
    "command_of",
    "commit",
    "data_folder",
    "default_backend",
    "default_client",
    "default_folder",
    "default_kernel",
    "default_kernel_for",
    "default_store",
    "disk_cache",
    "image_layers",
    "kernel_features",
    "list_containers",
    "missing_requirements",
    "of_no_image",
    "overridden",
    "parse_port_mapping",
    "pull_and_unpack",
    "runtime_folder",
]
