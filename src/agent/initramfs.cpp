// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/agent_binary.hpp"
#include "agent/cpio.hpp"
#include "agent/module_index.hpp"

#include <vmkit/agent/initramfs.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

constexpr std::size_t max_total_bytes = 256 * 1024 * 1024;

// When and where a driver is loaded, as a line of the guest's modules.list says it. Virtio device
// types: 1 net, 2 block, 3 console, 4 entropy, 5 balloon, 9 9p, 19 vsock, 26 file system.
struct Driver {
  const char* name;
  const char* when;
  const char* condition;
};

constexpr Driver transports[] = {{"virtio_mmio", "boot", "mmio"}, {"virtio_pci", "boot", "pci"}};
constexpr Driver required[] = {{"virtio_console", "boot", "virtio:3"},
                               {"virtio_blk", "root", "virtio:2"},
                               {"ext4", "root", "always"}};
constexpr Driver optional[] = {{"virtio_net", "network", "virtio:1"},
                               {"virtio_rng", "late", "virtio:4"},
                               {"virtio_balloon", "late", "virtio:5"},
                               {"vmw_vsock_virtio_transport", "late", "virtio:19"},
                               {"virtiofs", "root", "virtio:26"},
                               {"9pnet_virtio", "root", "virtio:9"},
                               {"9p", "root", "virtio:9"},
                               {"overlay", "overlay", "always"}};

struct Packed {
  std::string list;                // modules.list
  std::vector<std::string> files;  // relative to the modules directory, each once
};

class Packer {
 public:
  explicit Packer(const ModuleIndex& index) : index_(index) {}

  bool available(const char* name) const {
    return index_.is_builtin(name) || index_.has_file(name);
  }

  void add(const char* when, const char* condition, std::string_view name) {
    for (const std::string& path : index_.load_order(name)) {
      std::string line = std::string(when) + " " + condition + " /lib/modules/" + path + "\n";
      if (lines_.insert(line).second) packed_.list += line;
      if (files_.insert(path).second) packed_.files.push_back(path);
    }
  }
  void add(const Driver& driver) { add(driver.when, driver.condition, driver.name); }

  Packed take() { return std::move(packed_); }

 private:
  const ModuleIndex& index_;
  std::set<std::string> lines_;
  std::set<std::string> files_;
  Packed packed_;
};

[[noreturn]] void missing(const ModuleIndex& index, const std::string& what,
                          const std::string& option) {
  throw Error(Errc::failed_precondition,
              "the kernel of " + index.directory().string() + " has no " + what +
                  ", neither as a module nor built in: use a kernel with " + option);
}

Packed choose_modules(const ModuleIndex& index, const std::vector<std::string>& extra) {
  Packer packer(index);
  bool any_transport = false;
  for (const Driver& driver : transports) {
    if (!packer.available(driver.name)) continue;
    any_transport = true;
    packer.add(driver);
  }
  if (!any_transport) missing(index, "virtio_mmio or virtio_pci", "CONFIG_VIRTIO_MMIO or _PCI");
  for (const Driver& driver : required) {
    if (!packer.available(driver.name)) {
      const std::string name = driver.name;
      missing(index, name,
              name == "ext4"         ? "CONFIG_EXT4_FS"
              : name == "virtio_blk" ? "CONFIG_VIRTIO_BLK"
                                     : "CONFIG_VIRTIO_CONSOLE");
    }
    packer.add(driver);
  }
  for (const std::string& name : extra) packer.add("boot", "always", name);
  for (const Driver& driver : optional) {
    if (packer.available(driver.name)) packer.add(driver);
  }
  return packer.take();
}

void write_parents(CpioWriter& cpio, const std::string& path, std::set<std::string>& made) {
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    if (made.insert(path.substr(0, at)).second) cpio.directory(path.substr(0, at), 0755);
  }
}

class VectorSink final : public Sink {
 public:
  void write(std::span<const std::byte> data) override {
    bytes.insert(bytes.end(), data.begin(), data.end());
  }
  std::vector<std::byte> bytes;
};

}  // namespace

void write_initramfs(const InitramfsOptions& options, Sink& sink) {
  const auto agent = agent_binary(options.architecture);
  Packed packed;
  std::vector<std::vector<std::byte>> contents;
  if (!options.modules_directory.empty()) {
    const ModuleIndex index(options.modules_directory);
    packed = choose_modules(index, options.extra_modules);
    std::size_t total = 0;
    for (const std::string& path : packed.files) {
      contents.push_back(index.read_module(path));
      total += contents.back().size();
      if (total > max_total_bytes) {
        throw Error(Errc::data_corruption, options.modules_directory.string() +
                                               ": the modules are longer than 256 MiB together");
      }
    }
  } else if (!options.extra_modules.empty()) {
    throw Error(Errc::invalid_argument, "extra kernel modules need a modules directory");
  }

  CpioWriter cpio(sink);
  for (const char* directory : {"dev", "etc", "lib", "newroot", "proc", "sys"}) {
    cpio.directory(directory, 0755);
  }
  cpio.character_device("dev/console", 0600, 5, 1);
  cpio.file("init", 0755, agent);
  cpio.file("etc/modules.list", 0644, std::as_bytes(std::span(packed.list)));
  std::set<std::string> made{"lib"};
  for (std::size_t i = 0; i < packed.files.size(); ++i) {
    const std::string path = "lib/modules/" + packed.files[i];
    write_parents(cpio, path, made);
    cpio.file(path, 0644, contents[i]);
  }
  cpio.finish();
}

std::vector<std::byte> build_initramfs(const InitramfsOptions& options) {
  VectorSink sink;
  write_initramfs(options, sink);
  return std::move(sink.bytes);
}

}  // namespace vmkit::agent
