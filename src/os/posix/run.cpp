// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <chrono>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "os/child_process.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

/// Appends what can be read now; false at the end.
bool drain(int fd, std::string& text, ByteSize limit, const std::string& program) {
  std::array<char, 16384> buffer;
  const ssize_t count = ::read(fd, buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (count < 0) throw Error::from_errno(errno, "read the output of " + program);
  if (text.size() + static_cast<std::size_t>(count) > limit.bytes()) {
    throw Error(Errc::resource_exhausted,
                program + ": printed more than " + to_string(limit) + ", which is the limit here");
  }
  text.append(buffer.data(), static_cast<std::size_t>(count));
  return count > 0;
}

/// Ends the whole process group of a child that is not waited for to its end: what it started
/// would go on otherwise, and hold its output open.
class GroupGuard {
 public:
  explicit GroupGuard(const ChildProcess& child) : group_(child.pid()) {}
  ~GroupGuard() {
    if (group_ > 0) ::kill(-group_, SIGKILL);
  }
  GroupGuard(const GroupGuard&) = delete;
  GroupGuard& operator=(const GroupGuard&) = delete;
  void release() { group_ = -1; }

 private:
  pid_t group_;
};

}  // namespace

Output run(SpawnOptions options, ByteSize limit, const CallOptions& call_options) {
  DescriptorPair out = make_pipe();
  DescriptorPair err = make_pipe();
  options.stdout_fd = out.second.get();
  options.stderr_fd = err.second.get();
  ChildProcess child = ChildProcess::spawn(options);
  GroupGuard guard(child);  // before the child is reaped, so that its number is still its own
  out.second.reset();
  err.second.reset();
  const std::string& program = options.arguments[0];
  Output output;
  std::array<pollfd, 2> fds = {pollfd{out.first.get(), POLLIN, 0},
                               pollfd{err.first.get(), POLLIN, 0}};
  const std::array<std::string*, 2> texts = {&output.out, &output.err};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    call_options.check("run " + program);
    // Short waits: stop and deadline are looked at often enough without a wake-up pipe.
    if (::poll(fds.data(), fds.size(), 20) < 0) continue;  // what fds say is from the last time
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].fd >= 0 && fds[i].revents != 0 && !drain(fds[i].fd, *texts[i], limit, program)) {
        fds[i].fd = -1;
      }
    }
  }
  output.status = child.wait(call_options);
  guard.release();
  return output;
}

}  // namespace vmkit::os
