// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/adopted_process.hpp"
#include "os/child_process.hpp"
#include "os/descriptor.hpp"
#include "vm/console_recorder.hpp"
#include "vm/qemu/qmp_connection.hpp"

namespace vmkit::vm::qemu {

struct Launch {
  std::vector<std::string> arguments = {};
  std::vector<int> inherited = {};  ///< Descriptors, under the same numbers.
  std::filesystem::path qmp_path = {};
  std::vector<os::SpawnOptions> daemons = {};  ///< That QEMU needs; each ends with it.
  /// What QEMU serves its console on; empty: its standard output.
  std::filesystem::path console_path = {};
  /// Where QEMU writes its process id, if it may outlive the thread that spawns it.
  std::filesystem::path pid_file = {};
  /// One that runs already, instead of a new one.
  std::shared_ptr<const os::AdoptedProcess> adopted = {};
};

/// One running QEMU and the three ways to hear from it. The destructor kills one that it
/// has spawned. Confined to the
/// thread that made it: with that thread QEMU ends too, where the system can do that and the
/// launch does not say otherwise.
class Process {
 public:
  explicit Process(const Launch& launch);

  /// How it ended, if it did; of an adopted one nobody knows that, and it is a success.
  std::optional<os::ExitStatus> poll();
  int exit_event() const noexcept;
  void kill() noexcept;

  std::vector<os::ChildProcess>& daemons() noexcept { return daemons_; }
  /// Of QEMU, then of the daemons.
  std::vector<pid_t> pids() const;
  QmpConnection& qmp() noexcept { return qmp_; }
  int console_fd() const noexcept { return console_.first.get(); }
  int error_fd() const noexcept { return error_.first.get(); }

  /// Reads what is there now; false if that is nothing, or the end.
  bool read_console(detail::ConsoleRecorder& recorder);
  bool read_errors();

  const std::string& error_output() const noexcept { return error_output_; }

 private:
  os::DescriptorPair console_;
  os::DescriptorPair error_;
  std::vector<os::ChildProcess> daemons_;
  std::shared_ptr<const os::AdoptedProcess> adopted_;
  std::optional<os::ChildProcess> child_;  // or this
  QmpConnection qmp_;
  std::string error_output_;  // its last part
};

}  // namespace vmkit::vm::qemu
