# SPDX-License-Identifier: Apache-2.0
"""Configurations as JSON, and how large a machine may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmkit import _vmkit

if TYPE_CHECKING:
    from vmkit.base.types import Size
    from vmkit.vm.capabilities import FeatureStatus, HostResources, MachineSize
    from vmkit.vm.config import ConfigProblem, MachineConfig


def validate(config: MachineConfig) -> list[ConfigProblem]:
    """Everything that is wrong with `config` on every backend; empty if nothing is.

    Example::

        problems = vmkit.vm.validate(MachineConfig(memory="1MiB", cpu_count=0))
    """
    return _vmkit.validate_config(config)


def to_json(config: MachineConfig) -> str:
    """A machine's definition as JSON. Example: ``Path("box.json").write_text(to_json(config))``."""
    return _vmkit.config_to_json(config)


def parse_machine_config(json: str) -> MachineConfig:
    """The definition that `json` holds. Example: ``parse_machine_config(path.read_text())``."""
    return _vmkit.parse_machine_config(json)


def host_resources() -> HostResources:
    """What of this computer this process may use for machines. Example: ``host_resources()``."""
    return _vmkit.host_resources()


def recommended_size(resources: HostResources | None = None) -> MachineSize:
    """How large a machine may be without being in the way. Example: ``recommended_size()``."""
    return _vmkit.recommended_size(resources or host_resources())


def memory_status(available: Size) -> FeatureStatus:
    """Feature.memory, for so much available. Example: ``memory_status("64MiB").reason``."""
    return _vmkit.memory_status(available)
