// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <variant>

#include "vm/least_memory.hpp"
#include "vm/nbd_uri.hpp"
#include "vm/subnet.hpp"

#include <vmkit/vm/config.hpp>

namespace vmkit::vm {
namespace {

constexpr std::uint64_t mebibyte = 1ULL << 20;
constexpr unsigned most_cpus = 255;
using detail::least_memory;
constexpr ByteSize most_memory(4ULL << 40);
constexpr std::size_t longest_identifier = 20;  // VIRTIO_BLK_ID_BYTES
constexpr std::size_t longest_name = 63;
constexpr std::size_t longest_tag = 31;             // of 9p in QEMU; virtiofs has 36
constexpr std::size_t longest_command_line = 1536;  // x86's 2048 less what backends add
constexpr std::size_t most_ports = 30;              // of one virtio console device, less port 0
constexpr std::size_t longest_interface = 15;       // IFNAMSIZ, less the end
constexpr unsigned least_mtu = 1280;                // with less there is no IPv6
constexpr unsigned most_mtu = 65535;
constexpr unsigned most_pixels = 16384;  // in one direction

bool is_name(const std::string& text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= longest_name &&
         std::all_of(text.begin(), text.end(), allowed);
}

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// A path is text in command lines and in JSON: a NUL or a line end in it is never meant well.
bool is_path(const std::filesystem::path& path) {
  const std::string& text = path.native();
  return !text.empty() && std::none_of(text.begin(), text.end(),
                                       [](char c) { return static_cast<unsigned char>(c) < ' '; });
}

/// Six bytes in hexadecimal, colons between, not all zero, and the first one even.
bool is_station_address(const std::string& text) {
  if (text.size() != 17) return false;
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2 ? text[i] != ':' : digits.find(text[i]) == digits.npos) return false;
  }
  return digits.find(text[1]) % 2 == 0 && text.find_first_not_of("0:") != text.npos;
}

/// As a network interface is called.
bool is_interface(const std::string& text) {
  return text.size() <= longest_interface && is_name(text);
}

/// RFC 4648, with its padding.
bool is_base64(const std::string& text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t end = std::min(text.find('='), text.size());
  return text.size() % 4 == 0 && text.size() - end <= 2 &&
         text.find_first_not_of(digits) == (end < text.size() ? end : text.npos) &&
         text.find_first_not_of('=', end) == text.npos;
}

constexpr const char* path_expected = "expected the path of a file, without control characters";
constexpr const char* name_expected =
    "expected 1 to 63 of letters, digits, '.', '_' and '-', found '";

class Checker {
 public:
  explicit Checker(const MachineConfig& config) : config_(config) {}

  std::vector<ConfigProblem> run() {
    check_processor_and_memory();
    check_boot();
    for (std::size_t i = 0; i < config_.disks.size(); ++i) check_disk(i);
    check_shares();
    check_ports();
    check_networks();
    check_desktop();
    if (!is_base64(config_.machine_identifier)) {
      add("machine_identifier", "expected base64, found '" + config_.machine_identifier + "'");
    }
    if (!config_.console.file.empty() && !is_path(config_.console.file)) {
      add("console.file", path_expected);
    }
    if (config_.boot_watchdog && config_.boot_watchdog->count() < 0) {
      add("boot_watchdog", "expected no negative time, found " +
                               std::to_string(config_.boot_watchdog->count()) + " ms");
    }
    return std::move(problems_);
  }

 private:
  void add(std::string field, std::string message) {
    problems_.push_back({std::move(field), std::move(message)});
  }

  void check_processor_and_memory() {
    if (!is_name(config_.name)) add("name", name_expected + config_.name + "'");
    if (config_.cpu_count < 1 || config_.cpu_count > most_cpus) {
      add("cpu_count", "expected 1 to " + std::to_string(most_cpus) + ", found " +
                           std::to_string(config_.cpu_count));
    }
    if (config_.memory < least_memory || config_.memory > most_memory) {
      add("memory", "expected " + to_string(least_memory) + " to " + to_string(most_memory) +
                        ", found " + to_string(config_.memory));
    } else if (config_.memory.bytes() % mebibyte != 0) {
      add("memory", "expected a multiple of 1 MiB, found " +
                        std::to_string(config_.memory.bytes()) + " bytes");
    }
  }

  void check_boot() {
    const KernelBoot& boot = config_.boot;
    if (config_.firmware) {
      if (!boot.image.empty() || boot.initrd.index() != 0 || !boot.command_line.empty()) {
        add("boot", "expected nothing beside \"firmware\", which boots from a disk");
      }
      if (!is_path(config_.firmware->variable_store)) {
        add("firmware.variable_store", path_expected);
      }
      return;
    }
    if (!is_path(boot.image)) add("boot.image", path_expected);
    const auto* initrd = std::get_if<std::filesystem::path>(&boot.initrd);
    if (initrd != nullptr && !is_path(*initrd)) add("boot.initrd", path_expected);
    const auto* bytes = std::get_if<std::vector<std::byte>>(&boot.initrd);
    if (bytes != nullptr && bytes->empty()) add("boot.initrd", "expected some bytes, found none");
    if (!is_printable(boot.command_line)) {
      add("boot.command_line", "expected one line of printable ASCII");
    }
    if (boot.command_line.size() > longest_command_line) {
      add("boot.command_line", "expected at most " + std::to_string(longest_command_line) +
                                   " bytes, found " + std::to_string(boot.command_line.size()));
    }
  }

  void check_nbd(const Disk& disk, const std::string& field) {
    if (!disk.path.empty()) {
      add(field + ".path", "expected none beside \"nbd\", found " + disk.path.string());
    }
    const auto uri = parse_nbd_uri(disk.nbd);
    if (const auto* problem = std::get_if<std::string>(&uri)) add(field + ".nbd", *problem);
  }

  void check_disk(std::size_t i) {
    const Disk& disk = config_.disks[i];
    const std::string field = "disks[" + std::to_string(i) + "]";
    if (disk.nbd.empty() && !is_path(disk.path)) add(field + ".path", path_expected);
    if (!disk.nbd.empty()) check_nbd(disk, field);
    if (disk.identifier.size() > longest_identifier || !is_printable(disk.identifier)) {
      add(field + ".identifier", "expected at most " + std::to_string(longest_identifier) +
                                     " printable ASCII characters, found " +
                                     std::to_string(disk.identifier.size()));
    }
    for (std::size_t j = 0; j < i; ++j) {
      const Disk& other = config_.disks[j];
      if (disk.nbd.empty() && other.nbd.empty() && other.path == disk.path &&
          !(other.read_only && disk.read_only)) {
        add(field + ".path", disk.path.string() + " is disks[" + std::to_string(j) +
                                 "] already; both would have to be read-only");
      }
      if (!disk.identifier.empty() && other.identifier == disk.identifier) {
        add(field + ".identifier",
            "'" + disk.identifier + "' is that of disks[" + std::to_string(j) + "] already");
      }
    }
  }

  void check_shares() {
    std::set<std::string> tags;
    if (config_.rosetta) tags.insert(rosetta_tag);
    for (std::size_t i = 0; i < config_.shares.size(); ++i) {
      const std::string field = "shares[" + std::to_string(i) + "]";
      const Share& share = config_.shares[i];
      if (!is_name(share.tag) || share.tag.size() > longest_tag) {
        add(field + ".tag",
            "expected 1 to 31 of letters, digits, '.', '_' and '-', found '" + share.tag + "'");
      }
      if (!tags.insert(share.tag).second) {
        add(field + ".tag", "'" + share.tag + "' is there already");
      }
      if (!is_path(share.path)) {
        add(field + ".path", "expected the path of a folder, without control characters");
      }
    }
  }

  void check_ports() {
    std::set<std::string> names;
    if (config_.clipboard) names.insert(clipboard_port);
    for (std::size_t i = 0; i < config_.ports.size(); ++i) {
      const std::string field = "ports[" + std::to_string(i) + "].name";
      const std::string& name = config_.ports[i].name;
      if (!is_name(name)) add(field, name_expected + name + "'");
      if (!names.insert(name).second) add(field, "'" + name + "' is there already");
    }
    const std::size_t count = config_.ports.size() + (config_.clipboard ? 1 : 0);
    if (count > most_ports) {
      add("ports", "expected at most " + std::to_string(most_ports) +
                       ", that of the clipboard included, found " + std::to_string(count));
    }
  }

  void check_networks() {
    std::set<std::string> addresses;
    for (std::size_t i = 0; i < config_.networks.size(); ++i) {
      check_network(config_.networks[i], "networks[" + std::to_string(i) + "]");
      const std::string field = "networks[" + std::to_string(i) + "].mac";
      const std::string& mac = config_.networks[i].mac;
      if (mac.empty()) continue;
      if (!is_station_address(mac)) {
        add(field,
            "expected the address of one station in lower case, as 52:54:00:12:34:56, found '" +
                mac + "'");
      } else if (!addresses.insert(mac).second) {
        add(field, "'" + mac + "' is there already");
      }
    }
  }

  void check_network(const Network& network, const std::string& field) {
    const NetworkKind kind = network.kind;
    if (kind == NetworkKind::bridged || kind == NetworkKind::tap) {
      if (!is_interface(network.interface)) {
        add(field + ".interface",
            "expected the name of the host's interface, 1 to 15 of letters, digits, '.', '_' and "
            "'-', found '" +
                network.interface + "'");
      }
    } else if (!network.interface.empty()) {
      add(field + ".interface",
          "expected none but with bridged and tap, found '" + network.interface + "'");
    }
    if ((kind == NetworkKind::descriptor) != (network.descriptor >= 0)) {
      add(field + ".descriptor",
          std::string(kind == NetworkKind::descriptor ? "expected an open one"
                                                      : "expected none but with descriptor") +
              ", found " + std::to_string(network.descriptor));
    }
    check_subnet(network, field + ".subnet");
    if (network.mtu != 0 && (network.mtu < least_mtu || network.mtu > most_mtu)) {
      add(field + ".mtu", "expected " + std::to_string(least_mtu) + " to " +
                              std::to_string(most_mtu) + ", found " + std::to_string(network.mtu));
    }
  }

  void check_subnet(const Network& network, const std::string& field) {
    if (network.subnet.empty()) return;
    if (network.kind != NetworkKind::nat && network.kind != NetworkKind::host_only) {
      add(field, "expected none but with nat and host_only, found '" + network.subnet + "'");
      return;
    }
    const auto subnet = parse_subnet(network.subnet);
    if (const auto* problem = std::get_if<std::string>(&subnet)) add(field, *problem);
  }

  void check_desktop() {
    const auto check_pixels = [&](const char* field, unsigned found) {
      if (found >= 1 && found <= most_pixels) return;
      add(field, "expected 1 to " + std::to_string(most_pixels) + " pixels, found " +
                     std::to_string(found));
    };
    if (config_.graphics) {
      check_pixels("graphics.width", config_.graphics->width);
      check_pixels("graphics.height", config_.graphics->height);
    }
    if (config_.sound && !config_.sound->input && !config_.sound->output) {
      add("sound", "expected output or input or both, found neither");
    }
  }

  const MachineConfig& config_;
  std::vector<ConfigProblem> problems_;
};

}  // namespace

std::vector<ConfigProblem> validate(const MachineConfig& config) {
  return Checker(config).run();
}

}  // namespace vmkit::vm
