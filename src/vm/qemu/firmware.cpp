// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/firmware.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json_depth.hpp"
#include "os/atomic_file.hpp"
#include "os/clone_file.hpp"
#include "os/file.hpp"
#include "vm/files.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {
namespace {

using Json = nlohmann::json;

constexpr std::size_t deepest = 16;

const Json& member(const Json& object, const char* name) {
  static const Json nothing;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : nothing;
}

std::string text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : "";
}

bool has(const Json& list, const char* wanted) {
  return list.is_array() && std::find(list.begin(), list.end(), wanted) != list.end();
}

/// True for a target like {"architecture": "x86_64", "machines": ["pc-q35-*"]}.
bool is_for(const Json& target, Architecture architecture) {
  const bool x86 = architecture == Architecture::x86_64;
  if (text(member(target, "architecture")) != (x86 ? "x86_64" : "aarch64")) return false;
  const Json& machines = member(target, "machines");
  return machines.is_array() &&
         std::any_of(machines.begin(), machines.end(), [&](const Json& pattern) {
           return text(pattern).starts_with(x86 ? "pc-q35-" : "virt-");
         });
}

std::optional<FirmwareFiles> read_description(const std::filesystem::path& path,
                                              Architecture architecture) {
  const std::string json = os::read_file(path, 64_KiB);
  if (json_deeper_than(json, deepest)) return std::nullopt;
  const Json description = Json::parse(json, nullptr, false);
  const Json& targets = member(description, "targets");
  const Json& features = member(description, "features");
  const Json& mapping = member(description, "mapping");
  const Json& code = member(mapping, "executable");
  const Json& variables = member(mapping, "nvram-template");
  const bool fits = has(member(description, "interface-types"), "uefi") && targets.is_array() &&
                    std::any_of(targets.begin(), targets.end(),
                                [&](const Json& target) { return is_for(target, architecture); }) &&
                    !has(features, "requires-smm") && !has(features, "secure-boot") &&
                    text(member(mapping, "device")) == "flash" &&
                    text(member(code, "format")) == "raw" &&
                    text(member(variables, "format")) == "raw";
  if (!fits) return std::nullopt;
  FirmwareFiles files{text(member(code, "filename")), text(member(variables, "filename"))};
  if (!std::filesystem::exists(files.code) || !std::filesystem::exists(files.variables)) {
    return std::nullopt;
  }
  return files;
}

}  // namespace

std::optional<FirmwareFiles> find_firmware(const std::vector<std::filesystem::path>& folders,
                                           Architecture architecture) {
  for (const auto& folder : folders) {
    std::vector<std::filesystem::path> names;  // their order is their priority
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      if (entry.path().extension() == ".json") names.push_back(entry.path());
    }
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
      try {
        if (auto found = read_description(name, architecture)) return found;
      } catch (const std::exception&) {
        // Not to be read: as if it was not there.
      }
    }
  }
  return std::nullopt;
}

FeatureStatus firmware_status(const std::optional<FirmwareFiles>& found,
                              Architecture architecture) {
  if (found) return {Feature::firmware};
  const std::string package = architecture == Architecture::x86_64 ? "ovmf" : "qemu-efi-aarch64";
  return {Feature::firmware, Limitation::missing_program,
          "no UEFI firmware for " + std::string(vmkit::to_string(architecture)) +
              " machines is described in QemuOptions::firmware_search",
          "apt-get install " + package};
}

void prepare_variable_store(const FirmwareFiles& firmware, const std::filesystem::path& store) {
  const auto fresh = os::File::open(firmware.variables, os::File::Mode::read);
  if (!std::filesystem::exists(store)) {
    os::AtomicFile file(store, 0600);
    file.file().resize(fresh.size());
    for (auto data = os::next_data(fresh, 0); data;
         data = os::next_data(fresh, data->offset + data->length)) {
      os::copy_range(fresh, file.file(), data->offset, data->length);
    }
    file.commit(os::AtomicFile::Existing::keep);
  }
  detail::check_disk({.path = store}, "firmware.variable_store");
  const ByteSize found = os::File::open(store, os::File::Mode::read).size();
  if (found != fresh.size()) {
    throw Error(Errc::invalid_argument, "firmware.variable_store " + store.string() +
                                            ": expected the size that this "
                                            "firmware's has, " +
                                            std::to_string(fresh.size().bytes()) +
                                            " bytes, found " + std::to_string(found.bytes()));
  }
}

}  // namespace vmkit::vm::qemu
