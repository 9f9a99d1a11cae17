// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/orphan.hpp"

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "os/file.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/vm/config_json.hpp>

namespace vmkit::vm::qemu {
namespace {

using namespace std::chrono_literals;

constexpr const char* record_name = "machine.json";

/// QEMU writes it in the first milliseconds: a number and the end of the line.
std::optional<pid_t> read_pid(const std::filesystem::path& folder) {
  const auto text = os::read_file_if_exists(pid_file(folder), 64_B);
  if (!text || text->empty() || text->back() != '\n') return std::nullopt;
  pid_t pid = 0;
  const char* const end = text->data() + text->size() - 1;
  const auto result = std::from_chars(text->data(), end, pid);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return pid;
}

std::shared_ptr<const os::AdoptedProcess> find_process(const std::filesystem::path& folder,
                                                       const std::string& what,
                                                       const CallOptions& options) {
  while (detail::RuntimeFolder::has_life(folder)) {
    if (const auto pid = read_pid(folder)) {
      try {
        auto process = std::make_shared<const os::AdoptedProcess>(*pid);
        // Whoever holds the lock now held it when the number was looked up.
        if (detail::RuntimeFolder::has_life(folder)) return process;
      } catch (const Error& error) {
        if (error.code() != Errc::not_found) throw;
      }
    }
    options.check(what);
    options.stop.wait_for(options.remaining(5ms));
  }
  throw Error(Errc::not_found, what + ": it ended while it had no owner");
}

}  // namespace

std::filesystem::path pid_file(const std::filesystem::path& folder) {
  return folder / "pid";
}

void write_record(const std::filesystem::path& folder, MachineConfig config) {
  for (Network& network : config.networks) network.descriptor = Network().descriptor;
  os::write_file_atomically(folder / record_name, to_json(config), 0600);
}

Orphan take_over(const std::filesystem::path& path, const CallOptions& options) {
  detail::RuntimeFolder folder = detail::RuntimeFolder::take_over(path);
  auto process = find_process(path, "machine of " + path.string(), options);
  try {
    MachineConfig config = parse_machine_config(os::read_file(path / record_name, 1_MiB));
    return {std::move(folder), std::move(config), std::move(process)};
  } catch (...) {
    process->end();  // the folder goes now, and without it nobody could find the machine
    throw;
  }
}

}  // namespace vmkit::vm::qemu
