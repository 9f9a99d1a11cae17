// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <vmkit/agent/isolation.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

class MuxStream;

/// What a standard stream of a process is.
enum class Stdio {
  null,  ///< /dev/null
  pipe,  ///< a pipe whose other end is Process::stdin_sink() and so on
};

/// What to start. Text must be UTF-8; all of it together may be about 1 MiB.
struct ProcessSpec {
  /// The program and its arguments. A program without '/' is looked for in the PATH of `env`, in
  /// the guest.
  std::vector<std::string> args;
  /// "NAME=value". HOME is added from the image's /etc/passwd if it is missing.
  std::vector<std::string> env = {};
  /// Absolute; made if it is missing.
  std::string working_directory = "/";
  /// "user", "uid", "user:group", "uid:gid" or a mixture, as in an OCI image configuration;
  /// names are looked up in the image's own files. Empty: root.
  std::string user = {};
  /// Supplementary groups by name or number, besides those that the image gives the user.
  std::vector<std::string> groups = {};
  std::uint32_t umask = 022;
  std::vector<Rlimit> rlimits = {};
  Capabilities capabilities = Capabilities::of(default_capabilities());
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj = {};  ///< -1000 to 1000.
  SeccompMode seccomp_mode = SeccompMode::container;
  SeccompFilter seccomp = {};
  Stdio stdin_mode = Stdio::null;
  Stdio stdout_mode = Stdio::pipe;
  Stdio stderr_mode = Stdio::pipe;
};

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< what it returned, if it exited
  int signal = 0;  ///< what killed it; 0 if it exited

  bool exited() const { return signal == 0; }
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

/// The host's end of a process's standard input. One thread at a time writes; close() from any.
class ProcessInput : public Sink {
 public:
  explicit ProcessInput(std::unique_ptr<MuxStream> stream);
  ~ProcessInput() override;

  /// Blocks while the process does not read and about 512 KiB wait for it. Throws unavailable if
  /// the process no longer reads or the connection is lost. A stopped write may have written a
  /// part.
  void write(std::span<const std::byte> data) override { write(data, {}); }
  void write(std::span<const std::byte> data, const CallOptions& options);
  /// The process reads the end of its input after what was written.
  void close() noexcept;

 private:
  std::unique_ptr<MuxStream> stream_;
};

/// The host's end of a process's standard output or error. One thread at a time reads; close()
/// from any. About 1 MiB waits unread here; then the process blocks when it writes.
class ProcessOutput : public Source {
 public:
  explicit ProcessOutput(std::unique_ptr<MuxStream> stream);
  ~ProcessOutput() override;

  /// Returns 0 when the process and all others that have inherited the pipe have closed it, or
  /// after close(). Throws unavailable if the connection is lost before.
  std::size_t read(std::span<std::byte> buffer) override { return read(buffer, {}); }
  std::size_t read(std::span<std::byte> buffer, const CallOptions& options);
  /// No more is wanted: the process gets SIGPIPE or EPIPE if it writes again.
  void close() noexcept;

 private:
  std::unique_ptr<MuxStream> stream_;
};

/// A process in the guest. Made by Client::spawn().
///
/// The destructor closes the pipes and does not kill: a process that does not use them runs on,
/// until the machine ends. If the Client goes first, every call throws unavailable. Thread-safe,
/// and so are the pipes within their own rules.
class Process {
 public:
  class Impl;
  explicit Process(std::unique_ptr<Impl> impl);
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  /// The number that the guest's kernel gave it.
  std::int64_t pid() const;

  /// The pipes; failed_precondition for those that ProcessSpec did not ask for.
  ProcessInput& stdin_sink();
  ProcessOutput& stdout_source();
  ProcessOutput& stderr_source();

  /// Sends a signal to the process; failed_precondition if it has ended.
  void signal(int number, const CallOptions& options = {});
  /// The same by its Linux name, "TERM" or "SIGTERM". invalid_argument if there is none such.
  void signal(std::string_view name, const CallOptions& options = {});

  /// Waits for the end of the process itself, whoever still holds its pipes; may be called again,
  /// from any thread, and then tells the same. Throws unavailable if the connection is lost.
  ExitStatus wait(const CallOptions& options = {});

 private:
  std::unique_ptr<Impl> impl_;
};

/// The number of a signal in the guest (Linux), whatever the host: "KILL", "SIGKILL" or "9".
std::optional<int> signal_number(std::string_view name);

}  // namespace vmkit::agent
