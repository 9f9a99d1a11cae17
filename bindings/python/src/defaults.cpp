// SPDX-License-Identifier: Apache-2.0
#include "container_records.hpp"
#include "ext4_records.hpp"
#include "modules.hpp"

// For the tests: what the structs of the library have by default, to compare the package's with.
namespace vmkit::python {
namespace {

template <class T>
void add(py::dict& all) {
  const T record{};
  py::dict members;
  std::apply(
      [&](const auto&... fields) {
        ((members[fields.name] = field_to(fields, record.*(fields.member))), ...);
      },
      RecordInfo<T>::fields);
  all[RecordInfo<T>::python_name] = members;
}

}  // namespace

void bind_defaults(py::module_& m) {
  m.def("defaults", [] {
    py::dict all;
    add<Progress>(all);
    add<archive::CompressOptions>(all);
    add<archive::DecompressOptions>(all);
    add<archive::Timestamp>(all);
    add<archive::Xattr>(all);
    add<archive::TarEntry>(all);
    add<archive::TarPiece>(all);
    add<ext4::FormatOptions>(all);
    add<ext4::ReaderOptions>(all);
    add<ext4::ImageInfo>(all);
    add<ext4::FileStatus>(all);
    add<ext4::FileExtent>(all);
    add<ext4::Timestamp>(all);
    add<ext4::DeviceNumber>(all);
    add<ext4::Attributes>(all);
    add<ext4::Xattr>(all);
    add<disk::CloneOptions>(all);
    add<disk::Snapshot>(all);
    add<disk::DiskUsage>(all);
    add<disk::UsageReport>(all);
    add<oci::CopyOptions>(all);
    add<oci::Credential>(all);
    add<oci::CredentialQuery>(all);
    add<oci::CredentialHelperOptions>(all);
    add<oci::ImportOptions>(all);
    add<oci::ExportOptions>(all);
    add<oci::HistoryEntry>(all);
    add<oci::Healthcheck>(all);
    add<oci::ImageConfig>(all);
    add<oci::GarbageOptions>(all);
    add<oci::GarbageReport>(all);
    add<oci::StoreUsage>(all);
    add<oci::OddEntry>(all);
    add<oci::VerifyReport>(all);
    add<oci::RepairOptions>(all);
    add<oci::Index>(all);
    add<oci::Platform>(all);
    add<oci::PullOptions>(all);
    add<oci::PushOptions>(all);
    add<oci::ReferenceDefaults>(all);
    add<oci::BlobUploadOptions>(all);
    add<oci::RegistryHostOptions>(all);
    add<oci::RetryOptions>(all);
    add<oci::RegistryClientOptions>(all);
    add<oci::TokenRealm>(all);
    add<rootfs::CacheOptions>(all);
    add<rootfs::PruneOptions>(all);
    add<rootfs::PruneReport>(all);
    add<rootfs::DiffOptions>(all);
    add<rootfs::DiffResult>(all);
    add<rootfs::ExportOptions>(all);
    add<rootfs::ExportResult>(all);
    add<rootfs::UnpackLimits>(all);
    add<rootfs::UnpackOptions>(all);
    add<vm::FeatureStatus>(all);
    add<vm::Capabilities>(all);
    add<vm::KernelBoot>(all);
    add<vm::Firmware>(all);
    add<vm::Disk>(all);
    add<vm::Share>(all);
    add<vm::Port>(all);
    add<vm::Network>(all);
    add<vm::NetworkAddresses>(all);
    add<vm::ConsoleLog>(all);
    add<vm::Graphics>(all);
    add<vm::Sound>(all);
    add<vm::MachineConfig>(all);
    add<vm::ConfigProblem>(all);
    add<vm::HostResources>(all);
    add<vm::MachineSize>(all);
    add<vm::MachineEvent>(all);
    add<vm::MachineStatistics>(all);
    add<vm::MachineDiagnostics>(all);
    add<vm::QemuOptions>(all);
    add<vm::VzOptions>(all);
    add<vm::HelperOptions>(all);
    add<agent::AgentInfo>(all);
    add<agent::GuestSettings>(all);
    add<agent::PowerOff>(all);
    add<agent::ReconnectOptions>(all);
    add<agent::RootMount>(all);
    add<agent::ContainerSpec>(all);
    add<agent::ConfiguredInterface>(all);
    add<agent::Ownership>(all);
    add<agent::CopyOptions>(all);
    add<agent::CopyResult>(all);
    add<agent::GuestEvent>(all);
    add<agent::RemoveOptions>(all);
    add<agent::WriteOptions>(all);
    add<agent::AttributeChange>(all);
    add<agent::Endpoint>(all);
    add<agent::ForwardOptions>(all);
    add<agent::InitramfsOptions>(all);
    add<agent::Capabilities>(all);
    add<agent::Rlimit>(all);
    add<agent::SeccompFilter>(all);
    add<agent::IoLimit>(all);
    add<agent::ResourceLimits>(all);
    add<agent::Mount>(all);
    add<agent::WritableLayer>(all);
    add<agent::Device>(all);
    add<agent::InterfaceConfig>(all);
    add<agent::TerminalSize>(all);
    add<agent::OutputOptions>(all);
    add<agent::ProcessSpec>(all);
    add<agent::ExitStatus>(all);
    add<agent::ProcessInfo>(all);
    add<agent::AttachOptions>(all);
    add<agent::SeccompTarget>(all);
    add<agent::PressureShare>(all);
    add<agent::Pressure>(all);
    add<agent::CpuStatistics>(all);
    add<agent::MemoryStatistics>(all);
    add<agent::PidStatistics>(all);
    add<agent::BlockStatistics>(all);
    add<agent::NetworkStatistics>(all);
    add<agent::Statistics>(all);
    add<agent::RunningProcess>(all);
    add<agent::FileTime>(all);
    add<agent::FileXattr>(all);
    add<agent::TreeEntry>(all);
    add<agent::CopyNotice>(all);
    add<agent::CopyNotices>(all);
    add<container::CommitOptions>(all);
    add<container::ContainerEvent>(all);
    add<container::ImageOverrides>(all);
    add<container::Isolation>(all);
    add<container::KernelFeatureStatus>(all);
    add<container::KernelFeatures>(all);
    add<container::HostMount>(all);
    add<container::VolumeMount>(all);
    add<container::DiskMount>(all);
    add<container::ExtraHost>(all);
    add<container::Names>(all);
    add<container::Kernel>(all);
    add<container::Timeline>(all);
    add<container::PortMapping>(all);
    add<container::TcpProbe>(all);
    add<container::HttpProbe>(all);
    add<container::ExecProbe>(all);
    add<container::LogProbe>(all);
    add<container::Probe>(all);
    add<container::Health>(all);
    add<container::ProcessOptions>(all);
    add<container::ContainerRecord>(all);
    add<container::VolumeInfo>(all);
    return all;
  });
}

}  // namespace vmkit::python
