// SPDX-License-Identifier: Apache-2.0
#include "library.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

namespace microvm {

using namespace vmkit;
namespace fs = std::filesystem;

namespace {

/// So that a machine that is killed leaves a consistent disk.
constexpr ByteSize journal_size = 32_MiB;

}  // namespace

Library::Library(fs::path folder)
    : folder_(std::move(folder)),
      images_(oci::ImageStore::open(folder_ / "images")),
      // A machine belongs to nobody between two commands.
      backend_(vm::make_qemu_backend({.outlives_owner = true})) {
  fs::create_directories(folder_ / "machines");
}

fs::path Library::folder_of(const std::string& name) const {
  const bool fits = !name.empty() && name.size() <= 64 && name[0] != '.' &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                    });
  if (!fits) {
    throw Error(Errc::invalid_argument, "\"" + name +
                                            "\" is no name for a machine: expected letters, "
                                            "digits, '.', '_' and '-', at most 64");
  }
  return folder_ / "machines" / name;
}

void Library::write_definition(const vm::MachineConfig& config) {
  std::ofstream out(folder_of(config.name) / "machine.json");
  out << vm::to_json(config);
  if (!out.flush()) throw Error(Errc::io, config.name + ": its definition cannot be written");
}

void Library::create(const NewMachine& wanted, const container::Kernel& kernel) {
  const auto reference = oci::Reference::parse(wanted.image);
  const auto image = images_.resolve(reference);
  if (!image) {
    throw Error(Errc::not_found, "no image " + reference.to_string() + ": microvm image pull it");
  }
  rootfs::Cache cache(images_.root() / "rootfs");
  const auto unpacked = cache.get_or_unpack(container::image_layers(*image, images_),
                                            {.size = wanted.disk_size, .journal = journal_size});
  const fs::path folder = folder_of(wanted.name);
  if (!fs::create_directory(folder)) {
    throw Error(Errc::already_exists, "there is a machine " + wanted.name + " already");
  }
  try {
    disk::clone(unpacked.path, folder / "disk.ext4");
    const auto initramfs = agent::build_initramfs({.modules_directory = kernel.modules});
    std::ofstream(folder / "initramfs", std::ios::binary)
        .write(reinterpret_cast<const char*>(initramfs.data()),
               static_cast<std::streamsize>(initramfs.size()));
    vm::MachineConfig config{
        .name = wanted.name, .cpu_count = wanted.cpu_count, .memory = wanted.memory};
    config.boot = {.image = fs::absolute(kernel.image),
                   .initrd = fs::absolute(folder / "initramfs")};
    config.disks = {{.path = fs::absolute(folder / "disk.ext4"), .identifier = "root"}};
    config.ports = {{.name = std::string(agent::port_name)}};
    write_definition(config);
  } catch (...) {
    fs::remove_all(folder);
    throw;
  }
}

void Library::fork(const std::string& name, const std::string& copy) {
  MachineEntry entry = find(name);
  const fs::path folder = folder_of(copy);
  if (!fs::create_directory(folder)) {
    throw Error(Errc::already_exists, "there is a machine " + copy + " already");
  }
  try {
    disk::clone(entry.disk, folder / "disk.ext4");  // refuses the disk of a machine that runs
    const auto initramfs = std::get<fs::path>(entry.config.boot.initrd);
    fs::copy_file(initramfs, folder / "initramfs");
    entry.config.name = copy;
    entry.config.disks[0].path = fs::absolute(folder / "disk.ext4");
    entry.config.boot.initrd = fs::absolute(folder / "initramfs");
    write_definition(entry.config);
  } catch (...) {
    fs::remove_all(folder);
    throw;
  }
}

void Library::remove(const std::string& name) {
  if (!find(name).process.empty()) {
    throw Error(Errc::failed_precondition, name + " runs: microvm vm stop it first");
  }
  fs::remove_all(folder_of(name));
}

MachineEntry Library::find(const std::string& name) {
  const fs::path folder = folder_of(name);
  std::ifstream in(folder / "machine.json");
  if (!in) throw Error(Errc::not_found, "there is no machine " + name);
  const std::string json{std::istreambuf_iterator<char>(in), {}};
  MachineEntry entry{name, vm::parse_machine_config(json), folder / "disk.ext4"};
  if (std::ifstream process(folder / "process"); process) {
    entry.process = std::string{std::istreambuf_iterator<char>(process), {}};
    if (!fs::exists(entry.process)) entry.process.clear();  // it has ended by itself
  }
  return entry;
}

void Library::set_process(const std::string& name, const fs::path& process) {
  const fs::path file = folder_of(name) / "process";
  fs::remove(file);
  if (!process.empty()) std::ofstream(file) << process.string();
}

std::vector<MachineEntry> Library::list() {
  std::vector<MachineEntry> entries;
  for (const auto& entry : fs::directory_iterator(folder_ / "machines")) {
    entries.push_back(find(entry.path().filename()));
  }
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

std::vector<fs::path> Library::disks() {
  std::vector<fs::path> disks;
  for (const auto& cached : rootfs::Cache(images_.root() / "rootfs").list()) {
    disks.push_back(cached.path);
  }
  for (const MachineEntry& entry : list()) disks.push_back(entry.disk);
  return disks;
}

}  // namespace microvm
