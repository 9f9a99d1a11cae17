// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <future>
#include <string>
#include <utility>
#include <vector>

#include <vmkit/container/container.hpp>

namespace vmkit::test {

/// What a process in a container has written, and how it ended.
struct Finished {
  std::string out;
  std::string err;
  agent::ExitStatus status;
};

inline std::string read_all(agent::ProcessOutput& output) {
  std::string text;
  std::vector<std::byte> buffer(65536);
  while (const std::size_t count = output.read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return text;
}

/// Reads all that a process writes and waits for its end, at most a minute.
inline Finished finish(agent::Process& process) {
  Finished result;
  // The machine may end meanwhile: what a read throws must not end the thread that reads.
  auto errors = std::async(std::launch::async, [&] { return read_all(process.stderr_source()); });
  result.out = read_all(process.stdout_source());
  result.err = errors.get();
  result.status = process.wait(CallOptions{}.with_timeout(std::chrono::minutes(1)));
  return result;
}

inline Finished run_in(container::Container& box, const container::ProcessOptions& options) {
  auto process = box.exec(options);
  return finish(process);
}

/// The same for a line of shell, with other options besides.
inline Finished shell_in(container::Container& box, const std::string& script,
                         container::ProcessOptions options = {}) {
  options.args = {"/bin/sh", "-c", script};
  return run_in(box, options);
}

}  // namespace vmkit::test
