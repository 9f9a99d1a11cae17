// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json_depth.hpp"
#include "vm/shown_json.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/vm/config_json.hpp>

namespace vmkit::vm {
namespace {

using Json = nlohmann::json;
using detail::shown;

constexpr int schema_version = 1;
constexpr const char* schema_member = "schema";
constexpr std::size_t deepest = 8;

// What has members, and what an enumerator is called: for both directions.

template <class Visit>
void for_each_member(const KernelBoot*, Visit visit) {
  visit("image", &KernelBoot::image);
  visit("initrd", &KernelBoot::initrd);
  visit("command_line", &KernelBoot::command_line);
}

template <class Visit>
void for_each_member(const Firmware*, Visit visit) {
  visit("variable_store", &Firmware::variable_store);
}

template <class Visit>
void for_each_member(const Disk*, Visit visit) {
  visit("path", &Disk::path);
  visit("nbd", &Disk::nbd);
  visit("device", &Disk::device);
  visit("read_only", &Disk::read_only);
  visit("identifier", &Disk::identifier);
  visit("caching", &Disk::caching);
  visit("sync", &Disk::sync);
}

template <class Visit>
void for_each_member(const Share*, Visit visit) {
  visit("tag", &Share::tag);
  visit("path", &Share::path);
  visit("read_only", &Share::read_only);
  visit("transport", &Share::transport);
}

template <class Visit>
void for_each_member(const Port*, Visit visit) {
  visit("name", &Port::name);
}

template <class Visit>
void for_each_member(const Network*, Visit visit) {
  visit("kind", &Network::kind);
  visit("mac", &Network::mac);
  visit("interface", &Network::interface);
  visit("descriptor", &Network::descriptor);
  visit("subnet", &Network::subnet);
  visit("mtu", &Network::mtu);
  visit("addressing", &Network::addressing);
}

template <class Visit>
void for_each_member(const Graphics*, Visit visit) {
  visit("width", &Graphics::width);
  visit("height", &Graphics::height);
}

template <class Visit>
void for_each_member(const Sound*, Visit visit) {
  visit("output", &Sound::output);
  visit("input", &Sound::input);
}

template <class Visit>
void for_each_member(const ConsoleLog*, Visit visit) {
  visit("device", &ConsoleLog::device);
  visit("file", &ConsoleLog::file);
  visit("limit", &ConsoleLog::limit);
}

template <class Visit>
void for_each_member(const MachineConfig*, Visit visit) {
  visit("name", &MachineConfig::name);
  visit("architecture", &MachineConfig::architecture);
  visit("cpu_count", &MachineConfig::cpu_count);
  visit("memory", &MachineConfig::memory);
  visit("boot", &MachineConfig::boot);
  visit("firmware", &MachineConfig::firmware);
  visit("disks", &MachineConfig::disks);
  visit("shares", &MachineConfig::shares);
  visit("ports", &MachineConfig::ports);
  visit("networks", &MachineConfig::networks);
  visit("entropy", &MachineConfig::entropy);
  visit("balloon", &MachineConfig::balloon);
  visit("vsock", &MachineConfig::vsock);
  visit("nested_virtualization", &MachineConfig::nested_virtualization);
  visit("rosetta", &MachineConfig::rosetta);
  visit("graphics", &MachineConfig::graphics);
  visit("keyboard", &MachineConfig::keyboard);
  visit("pointing_device", &MachineConfig::pointing_device);
  visit("sound", &MachineConfig::sound);
  visit("usb_controller", &MachineConfig::usb_controller);
  visit("clipboard", &MachineConfig::clipboard);
  visit("machine_identifier", &MachineConfig::machine_identifier);
  visit("console", &MachineConfig::console);
  visit("boot_watchdog", &MachineConfig::boot_watchdog);
}

template <class Enum>
struct Named {
  Enum value;
  const char* name;
};

constexpr auto names_of(Architecture) {
  return std::to_array<Named<Architecture>>(
      {{Architecture::x86_64, "x86_64"}, {Architecture::arm64, "arm64"}});
}

constexpr auto names_of(DiskDevice) {
  return std::to_array<Named<DiskDevice>>(
      {{DiskDevice::virtio, "virtio"}, {DiskDevice::nvme, "nvme"}, {DiskDevice::usb, "usb"}});
}

constexpr auto names_of(DiskCaching) {
  return std::to_array<Named<DiskCaching>>({{DiskCaching::automatic, "automatic"},
                                            {DiskCaching::uncached, "uncached"},
                                            {DiskCaching::cached, "cached"}});
}

constexpr auto names_of(DiskSync) {
  return std::to_array<Named<DiskSync>>(
      {{DiskSync::full, "full"}, {DiskSync::fsync, "fsync"}, {DiskSync::none, "none"}});
}

constexpr auto names_of(ShareTransport) {
  return std::to_array<Named<ShareTransport>>({{ShareTransport::automatic, "automatic"},
                                               {ShareTransport::virtiofs, "virtiofs"},
                                               {ShareTransport::plan9, "plan9"}});
}

constexpr auto names_of(NetworkKind) {
  return std::to_array<Named<NetworkKind>>({{NetworkKind::nat, "nat"},
                                            {NetworkKind::host_only, "host_only"},
                                            {NetworkKind::bridged, "bridged"},
                                            {NetworkKind::tap, "tap"},
                                            {NetworkKind::descriptor, "descriptor"}});
}

constexpr auto names_of(Addressing) {
  return std::to_array<Named<Addressing>>(
      {{Addressing::automatic, "automatic"}, {Addressing::dhcp, "dhcp"}});
}

// Writing.

class Writer {
 public:
  template <class T>
  Json write(const T& value, const std::string& field) const {
    if constexpr (std::is_enum_v<T>) {
      for (const auto& [known, name] : names_of(value)) {
        if (known == value) return name;
      }
      return nullptr;
    } else {
      Json object = Json::object();
      const T defaults;
      for_each_member(static_cast<const T*>(nullptr), [&](const char* name, auto member) {
        const std::string inner = field.empty() ? name : field + "." + name;
        Json written = write(value.*member, inner);
        if (written != write(defaults.*member, inner)) object[name] = std::move(written);
      });
      return object;
    }
  }

  template <class T>
  Json write(const std::vector<T>& list, const std::string& field) const {
    Json array = Json::array();
    for (std::size_t i = 0; i < list.size(); ++i) {
      array.push_back(write(list[i], field + "[" + std::to_string(i) + "]"));
    }
    return array;
  }

  template <class T>
  Json write(const std::optional<T>& part, const std::string& field) const {
    return part ? write(*part, field) : Json();
  }

  Json write(bool value, const std::string&) const { return value; }
  Json write(unsigned value, const std::string&) const { return value; }
  Json write(ByteSize value, const std::string&) const { return value.bytes(); }

  Json write(std::chrono::milliseconds time, const std::string&) const { return time.count(); }

  Json write(int descriptor, const std::string& field) const {
    if (descriptor < 0) return nullptr;
    throw Error(Errc::invalid_argument, field + ": expected none, found " +
                                            std::to_string(descriptor) +
                                            ": a descriptor is this process's and cannot be saved");
  }

  Json write(const std::string& text, const std::string& field) const {
    const Json json = text;
    try {
      static_cast<void>(json.dump());
    } catch (const Json::exception&) {
      throw Error(Errc::invalid_argument,
                  field + ": expected UTF-8, which JSON is made of, found other bytes");
    }
    return json;
  }

  Json write(const std::filesystem::path& path, const std::string& field) const {
    return write(path.native(), field);
  }

  Json write(const Initrd& initrd, const std::string& field) const {
    if (std::holds_alternative<std::monostate>(initrd)) return nullptr;
    if (const auto* path = std::get_if<std::filesystem::path>(&initrd)) return write(*path, field);
    throw Error(Errc::invalid_argument,
                field +
                    ": expected the path of a file, found bytes, which are not saved: put "
                    "them into a file");
  }
};

// Reading.

[[noreturn]] void fail(const std::string& field, const std::string& expected, const Json& found) {
  throw Error(Errc::data_corruption, (field.empty() ? "" : field + ": ") + "expected " + expected +
                                         ", found " + shown(found));
}

class Reader {
 public:
  template <class T>
  void read(const Json& json, T& value, const std::string& field) const {
    if constexpr (std::is_enum_v<T>) {
      std::string expected;
      for (const auto& [known, name] : names_of(value)) {
        if (json == name) {
          value = known;
          return;
        }
        expected += (expected.empty() ? "" : ", ") + std::string(name);
      }
      fail(field, "one of " + expected, json);
    } else {
      if (!json.is_object()) fail(field, "an object", json);
      std::size_t known = json.count(schema_member) * (field.empty() ? 1 : 0);
      for_each_member(static_cast<const T*>(nullptr), [&](const char* name, auto member) {
        const auto found = json.find(name);
        if (found == json.end()) return;
        ++known;
        read(*found, value.*member, field.empty() ? name : field + "." + name);
      });
      if (known != json.size()) fail_unknown<T>(json, field);
    }
  }

  template <class T>
  void read(const Json& json, std::vector<T>& list, const std::string& field) const {
    if (!json.is_array()) fail(field, "an array", json);
    for (std::size_t i = 0; i < json.size(); ++i) {
      read(json[i], list.emplace_back(), field + "[" + std::to_string(i) + "]");
    }
  }

  template <class T>
  void read(const Json& json, std::optional<T>& part, const std::string& field) const {
    read(json, part.emplace(), field);
  }

  void read(const Json& json, bool& value, const std::string& field) const {
    if (!json.is_boolean()) fail(field, "true or false", json);
    value = json.get<bool>();
  }

  void read(const Json& json, unsigned& value, const std::string& field) const {
    constexpr auto most = std::numeric_limits<unsigned>::max();
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > most) {
      fail(field, "a whole number from 0 to " + std::to_string(most), json);
    }
    value = json.get<unsigned>();
  }

  void read(const Json& json, ByteSize& value, const std::string& field) const {
    if (!json.is_number_unsigned()) fail(field, "a number of bytes", json);
    value = ByteSize(json.get<std::uint64_t>());
  }

  void read(const Json& json, std::chrono::milliseconds& time, const std::string& field) const {
    constexpr std::int64_t most = std::chrono::milliseconds(std::chrono::hours(24 * 365)).count();
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > std::uint64_t{most}) {
      fail(field, "a number of milliseconds, at most a year", json);
    }
    time = std::chrono::milliseconds(json.get<std::int64_t>());
  }

  void read(const Json& json, int&, const std::string& field) const {
    fail(field, "none, for a descriptor is a process's own", json);
  }

  void read(const Json& json, std::string& text, const std::string& field) const {
    if (!json.is_string()) fail(field, "a string", json);
    text = json.get<std::string>();
  }

  void read(const Json& json, std::filesystem::path& path, const std::string& field) const {
    std::string text;
    read(json, text, field);
    path = std::move(text);
  }

  void read(const Json& json, Initrd& initrd, const std::string& field) const {
    read(json, initrd.emplace<std::filesystem::path>(), field);
  }

 private:
  template <class T>
  [[noreturn]] void fail_unknown(const Json& json, const std::string& field) const {
    for (const auto& [name, value] : json.items()) {
      bool known = field.empty() && name == schema_member;
      for_each_member(static_cast<const T*>(nullptr),
                      [&, &wanted = name](const char* one, auto) { known |= wanted == one; });
      if (!known) fail(field, "no member " + shown(name) + " in a machine's definition", value);
    }
    throw Error(Errc::internal, "a machine's definition: no unknown member");
  }
};

}  // namespace

std::string to_json(const MachineConfig& config) {
  Json json = Writer().write(config, "");
  json[schema_member] = schema_version;
  // Also where it is the default, which another host's is not.
  json["architecture"] = to_string(config.architecture);
  return json.dump(2) + "\n";
}

MachineConfig parse_machine_config(std::string_view text) {
  const std::string what = "a machine's definition";
  if (json_deeper_than(text, deepest)) {
    throw Error(Errc::data_corruption,
                what + ": expected JSON at most " + std::to_string(deepest) + " deep");
  }
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    if (!json.is_object()) fail("", "a JSON object", json);
    const auto schema = json.find(schema_member);
    if (schema == json.end()) fail(schema_member, "its version", nullptr);
    if (!schema->is_number_unsigned()) fail(schema_member, "its version, a number", *schema);
    if (*schema != schema_version) {
      throw Error(Errc::unsupported, "expected version " + std::to_string(schema_version) +
                                         ", found version " + schema->dump());
    }
    MachineConfig config;
    Reader().read(json, config, "");
    return config;
  } catch (const Error& error) {
    throw error.with_context(what);
  }
}

}  // namespace vmkit::vm
