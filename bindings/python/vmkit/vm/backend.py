# SPDX-License-Identifier: Apache-2.0
"""Ways to run machines on this host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vmkit import _vmkit
from vmkit.base.stop import Stop, call_options
from vmkit.vm.machine import Machine
from vmkit.vm.records import HelperOptions, QemuAccelerator, QemuOptions, VzOptions

if TYPE_CHECKING:
    from vmkit.base.records import Architecture
    from vmkit.base.types import LogSink, Path, Seconds, StrPath
    from vmkit.vm.capabilities import Capabilities
    from vmkit.vm.config import ConfigProblem, MachineConfig, NetworkAddresses


class Backend:
    """A way to run machines: :class:`QemuBackend` or :class:`VzBackend`. Thread-safe; machines keep
    what they need of it alive.

    Example::

        backend = vmkit.QemuBackend()
        if not backend.capabilities().can(Feature.hardware_acceleration): print("slow")
    """

    __slots__ = ("_handle",)

    def __init__(self, handle: _vmkit.Backend) -> None:
        self._handle = handle

    @property
    def name(self) -> str:
        """ "qemu" or "vz"."""
        return self._handle.name()

    def __repr__(self) -> str:
        return f"<vmkit backend {self.name}>"

    def capabilities(
        self,
        architecture: Architecture | None = None,
        *,
        timeout: Seconds | None = None,
        stop: Stop | None = None,
    ) -> Capabilities:
        """What this host can do for guests of `architecture` (its own)."""
        return self._handle.capabilities(
            architecture or _vmkit.host_architecture(), call_options(timeout, stop)
        )

    def validate(self, config: MachineConfig) -> list[ConfigProblem]:
        """Everything that is wrong with `config`, and what this backend cannot do.

        Example::

            for problem in backend.validate(config): print(problem.field, problem.message)
        """
        return self._handle.validate(config)

    def network_addresses(self, config: MachineConfig) -> list[NetworkAddresses | None]:
        """For each network what the guest's interface is to be given; None: it has to ask."""
        return self._handle.network_addresses(config)

    def new_machine_identifier(self) -> str:
        """For MachineConfig.machine_identifier: one that no other machine has."""
        return self._handle.new_machine_identifier()

    def create(self, config: MachineConfig) -> Machine:
        """A machine that has not been started: no process, no file yet.

        Example::

            with backend.create(config) as machine:
                machine.start()
        """
        return Machine(self._handle.create(config))

    def orphans(self) -> list[Path]:
        """The folders of machines that run and have no owner any more: for `adopt`."""
        return self._handle.orphans()

    def adopt(
        self, folder: StrPath, *, timeout: Seconds | None = None, stop: Stop | None = None
    ) -> Machine:
        """The machine in one of those folders, running or paused."""
        return Machine(self._handle.adopt(folder, call_options(timeout, stop)))


class QemuBackend(Backend):
    """Machines as child processes of QEMU 7.2 or later, one each; see QemuOptions.

    Example::

        backend = vmkit.QemuBackend(accelerator=vmkit.vm.QemuAccelerator.tcg)
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        binary: StrPath | None = None,
        search_path: Sequence[StrPath] | None = None,
        accelerator: QemuAccelerator = QemuAccelerator.automatic,
        sandbox: bool = True,
        virtiofsd: StrPath | None = None,
        virtiofsd_search: Sequence[StrPath] | None = None,
        firmware_search: Sequence[StrPath] | None = None,
        runtime_directory: StrPath = "/tmp",
        outlives_owner: bool = False,
        response_limit: Seconds = 10.0,
        log: LogSink | None = None,
    ) -> None:
        options = QemuOptions(
            binary=binary,
            accelerator=accelerator,
            sandbox=sandbox,
            virtiofsd=virtiofsd,
            runtime_directory=runtime_directory,
            outlives_owner=outlives_owner,
            response_limit=response_limit,
            log=log,
        )
        if search_path is not None:
            options.search_path = list(search_path)
        if virtiofsd_search is not None:
            options.virtiofsd_search = list(virtiofsd_search)
        if firmware_search is not None:
            options.firmware_search = list(firmware_search)
        super().__init__(_vmkit.make_qemu_backend(options))


class VzBackend(Backend):
    """Machines of Apple's Virtualization.framework, on macOS 13 or later; see VzOptions. It is
    there on every system, and says `unsupported` elsewhere.

    Example::

        backend = vmkit.VzBackend()
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        runtime_directory: StrPath = "/tmp",
        response_limit: Seconds = 30.0,
        log: LogSink | None = None,
    ) -> None:
        super().__init__(
            _vmkit.make_vz_backend(
                VzOptions(
                    runtime_directory=runtime_directory, response_limit=response_limit, log=log
                )
            )
        )


class HelperBackend(Backend):
    """Machines that live in helper processes, one each, signed with the entitlement that the Python
    interpreter cannot carry; see HelperOptions.

    Example::

        backend = vmkit.vm.HelperBackend("/opt/homebrew/libexec/vmkit-vz-host")
    """

    __slots__ = ()

    def __init__(
        self,
        program: StrPath,
        *,
        vz: VzOptions | None = None,
        qemu: QemuOptions | None = None,
        response_limit: Seconds = 30.0,
    ) -> None:
        super().__init__(
            _vmkit.make_helper_backend(
                HelperOptions(
                    program=program,
                    vz=vz or VzOptions(),
                    qemu=qemu,
                    response_limit=response_limit,
                )
            )
        )
