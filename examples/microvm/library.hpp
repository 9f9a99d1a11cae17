// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <vmkit/vmkit.hpp>

namespace microvm {

/// What to make a machine of.
struct NewMachine {
  std::string name;
  std::string image;
  unsigned cpu_count = 1;
  vmkit::ByteSize memory = vmkit::ByteSize(256 << 20);
  vmkit::ByteSize disk_size = vmkit::ByteSize(std::uint64_t{8} << 30);
};

/// A machine that was made, running or not.
struct MachineEntry {
  std::string name;
  vmkit::vm::MachineConfig config;
  std::filesystem::path disk;
  /// The folder of its process, if one runs: what Backend::adopt takes.
  std::filesystem::path process = {};
};

/// The program's folder: images in `images/`, and for each machine `machines/NAME/` with its
/// definition (machine.json), its disk and its initramfs.
class Library {
 public:
  explicit Library(std::filesystem::path folder);

  vmkit::oci::ImageStore& images() { return images_; }
  vmkit::vm::Backend& backend() { return *backend_; }
  /// What of the folder takes room: the unpacked images, then the machines' disks.
  std::vector<std::filesystem::path> disks();

  /// A machine whose disk is a clone of the image's.
  void create(const NewMachine& wanted, const vmkit::container::Kernel& kernel);
  /// Another machine whose disk is a clone of `name`'s, which must not run.
  void fork(const std::string& name, const std::string& copy);
  void remove(const std::string& name);

  /// Throws Error not_found.
  MachineEntry find(const std::string& name);
  std::vector<MachineEntry> list();
  /// Remembers where a machine's process is; empty: nowhere.
  void set_process(const std::string& name, const std::filesystem::path& process);

 private:
  std::filesystem::path folder_of(const std::string& name) const;
  void write_definition(const vmkit::vm::MachineConfig& config);

  std::filesystem::path folder_;
  vmkit::oci::ImageStore images_;
  std::shared_ptr<vmkit::vm::Backend> backend_;
};

}  // namespace microvm
