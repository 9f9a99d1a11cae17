// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <mutex>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

#include "os/directory.hpp"
#include "support/backend_in_test.hpp"
#include "support/test_guest.hpp"

namespace vmkit::test {

/// A backend with a runtime folder of its own.
struct BackendFixture {
  os::TemporaryDirectory folder{"/tmp", "vmkit-test"};
  vm::QemuOptions options{.runtime_directory = folder.path()};
  std::shared_ptr<vm::Backend> backend = make_backend(options);

  /// True if no machine has left anything in the runtime folder.
  bool is_clean() const { return std::filesystem::is_empty(folder.path()); }
};

/// Remembers the events of a machine.
class Events {
 public:
  explicit Events(vm::Machine& machine)
      : subscription_(machine.on_event([this](const vm::MachineEvent& event) {
          std::lock_guard lock(mutex_);
          events_.push_back(event);
        })) {}

  std::vector<vm::MachineEvent> all() const {
    std::lock_guard lock(mutex_);
    return events_;
  }

  /// "state/reason" of each, separated by blanks.
  std::string text() const {
    std::string text;
    for (const vm::MachineEvent& event : all()) {
      text += (text.empty() ? "" : " ") + std::string(to_string(event.state)) + "/" +
              std::string(to_string(event.reason));
    }
    return text;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<vm::MachineEvent> events_;
  vm::EventSubscription subscription_;
};

inline void write_line(Stream& stream, const std::string& line) {
  const std::string text = line + "\n";
  stream.write(std::as_bytes(std::span(text)));
}

/// The next line without its end; what there is of it at the end of the stream.
inline std::string read_line(Stream& stream) {
  std::string line;
  std::byte byte;
  while (stream.read({&byte, 1}) == 1 && byte != std::byte{'\n'}) line += static_cast<char>(byte);
  return line;
}

/// Waits until `done()`, at most ten seconds; false if it never was.
template <class Done>
bool eventually(Done done) {
  for (int i = 0; i < 1000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return done();
}

inline bool process_is_gone(std::int64_t pid) {
  return ::kill(static_cast<pid_t>(pid), 0) != 0;
}

/// "code: message" of the Error that `call` throws; "" if it throws none.
template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return std::string(to_string(error.code())) + ": " + error.what();
  }
  return "";
}

}  // namespace vmkit::test
