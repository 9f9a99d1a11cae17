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
#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

class InputPipe;
class OutputPipe;

/// What a standard stream of a process is.
enum class Stdio {
  null,  ///< /dev/null
  pipe,  ///< Process::stdin_sink() and so on are its other end
  kept,  ///< as pipe, but nobody is there at first: Client::attach() finds it
};

/// Of a terminal, in characters.
struct TerminalSize {
  unsigned rows = 24;
  unsigned columns = 80;

  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

/// What the guest keeps of an output. Bytes that a reader has not had yet are never dropped while
/// it is there, or may come back: then the process waits. While nobody reads, the oldest go.
struct OutputOptions {
  /// How much of standard output, and how much of standard error: 4 KiB to 64 MiB.
  ByteSize bytes = ByteSize(1024 * 1024);
  /// Keep what was read, too, so that it can be read again, and after the end of the process until
  /// Process::forget(). (256 ended processes are kept, with 16 MiB in all: then the oldest go.)
  bool after_reading = false;
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
  std::vector<Rlimit> rlimits = {};  ///< of two of one name the last counts
  Capabilities capabilities = Capabilities::of(default_capabilities());
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj = {};  ///< -1000 to 1000.
  SeccompMode seccomp_mode = SeccompMode::container;
  SeccompFilter seccomp = {};
  Stdio stdin_mode = Stdio::null;
  Stdio stdout_mode = Stdio::pipe;
  Stdio stderr_mode = Stdio::pipe;
  /// Run it on a terminal of this size, in a session of its own. Standard output is then both
  /// outputs; stderr_mode does not count.
  std::optional<TerminalSize> terminal = {};
  OutputOptions kept_output = {};
};

/// How a process ended.
struct ExitStatus {
  int code = 0;    ///< what it returned, if it exited
  int signal = 0;  ///< what killed it; 0 if it exited

  bool exited() const { return signal == 0; }
  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

/// What runs in a guest, as Client::processes() tells it.
struct ProcessInfo {
  std::uint64_t handle = 0;  ///< for Client::attach()
  std::int64_t pid = 0;
  std::string program;
  bool terminal = false;
  std::optional<ExitStatus> status = {};  ///< once it has ended
};

/// Which of a process's standard streams are wanted, and from where on its outputs are read.
struct AttachOptions {
  bool stdin_sink = false;  ///< takes the place of whoever writes it
  bool stdout_source = true;
  bool stderr_source = true;  ///< ends at once if the process has none
  /// From the beginning. If that is not kept any more, from the first byte that is:
  /// ProcessOutput::offset() tells. invalid_argument if there was never so much.
  std::uint64_t stdout_offset = 0;
  std::uint64_t stderr_offset = 0;
  /// So many bytes of what there is of each, instead of the offsets.
  std::optional<ByteSize> tail = {};
  /// Also what is still to come; otherwise the outputs end where they end now.
  bool follow = true;
};

/// The host's end of a process's standard input. One thread at a time writes; close() from any.
/// The destructor leaves the input as it is.
class ProcessInput : public Sink {
 public:
  explicit ProcessInput(std::shared_ptr<InputPipe> pipe);
  ~ProcessInput() override;

  /// Blocks while the process does not read and about 512 KiB wait for it, and while a lost
  /// connection is made again. Throws unavailable if the process no longer reads or the connection
  /// is lost for good. A stopped write may have written a part.
  void write(std::span<const std::byte> data) override { write(data, {}); }
  void write(std::span<const std::byte> data, const CallOptions& options);
  /// The process reads the end of its input after what was written; on a terminal it gets the
  /// character that stands for that.
  void close() noexcept;

 private:
  std::shared_ptr<InputPipe> pipe_;
};

/// The host's end of a process's standard output or error. One thread at a time reads; close()
/// from any. About 1 MiB waits unread here, and OutputOptions::bytes in the guest; then the process
/// blocks when it writes. The destructor leaves the output to others.
class ProcessOutput : public Source {
 public:
  explicit ProcessOutput(std::shared_ptr<OutputPipe> pipe);
  ~ProcessOutput() override;

  /// Returns 0 when the process and all others that have inherited the pipe have closed it, or
  /// after close(). Waits while a lost connection is made again. Throws unavailable if it is lost
  /// for good, and data_corruption, once, if that took so long (30 s) that output was overwritten:
  /// the next read goes on with what there is.
  std::size_t read(std::span<std::byte> buffer) override { return read(buffer, {}); }
  std::size_t read(std::span<std::byte> buffer, const CallOptions& options);
  /// How many bytes of the output come before the next one.
  std::uint64_t offset() const;
  /// Reads no more; the output is left to others.
  void close() noexcept;

 private:
  std::shared_ptr<OutputPipe> pipe_;
};

/// A process in the guest. Made by Client::spawn() and Client::attach().
///
/// The destructor neither kills nor closes anything: the process runs on, until the machine ends,
/// and can be attached to again. If the Client goes first, every call throws unavailable.
/// Thread-safe, and so are the streams within their own rules.
class Process {
 public:
  class Impl;
  explicit Process(std::shared_ptr<Impl> impl);
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  /// Names it for Client::attach(), also of another host process.
  std::uint64_t handle() const;
  /// The number that the guest's kernel gave it.
  std::int64_t pid() const;

  /// The streams; failed_precondition for those that ProcessSpec did not ask for.
  ProcessInput& stdin_sink();
  ProcessOutput& stdout_source();
  ProcessOutput& stderr_source();

  /// Nobody will read standard output any more: the process gets SIGPIPE or EPIPE if it writes
  /// again.
  void close_stdout(const CallOptions& options = {});
  void close_stderr(const CallOptions& options = {});
  /// Changes the size of the terminal, which the process is told by SIGWINCH; failed_precondition
  /// if it has none.
  void resize(TerminalSize size, const CallOptions& options = {});

  /// Sends a signal to the process; failed_precondition if it has ended.
  void signal(int number, const CallOptions& options = {});
  /// The same by its Linux name, "TERM" or "SIGTERM". invalid_argument if there is none such.
  void signal(std::string_view name, const CallOptions& options = {});

  /// Waits for the end of the process itself, whoever still holds its pipes; may be called again,
  /// from any thread, and then tells the same. Throws unavailable if the connection is lost.
  ExitStatus wait(const CallOptions& options = {});

  /// Its output is of no more interest, whatever OutputOptions said: when it has ended, the guest
  /// forgets it.
  void forget(const CallOptions& options = {});

 private:
  std::shared_ptr<Impl> impl_;
};

/// The number of a signal in the guest (Linux), whatever the host: "KILL", "SIGKILL", "9",
/// "SIGRTMIN+3".
std::optional<int> signal_number(std::string_view name);

}  // namespace vmkit::agent
