// SPDX-License-Identifier: Apache-2.0
// How a monitor begins: a process of this program, in a session of its own.
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>

#include "monitor/client.hpp"
#include "paths.hpp"

#include <vmkit/base/stop.hpp>

extern char** environ;

namespace cli {
namespace {

using namespace vmkit;

class SpawnSettings {
 public:
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
};

void spawn(const Entry& entry, const std::filesystem::path& store, int channel) {
  const std::string program = own_program().string();
  const std::string log = (entry.folder / "monitor.log").string();
  SpawnSettings settings;
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  ::posix_spawn_file_actions_adddup2(&settings.files, channel, monitor_channel);
  ::posix_spawn_file_actions_addopen(&settings.files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.files, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.files, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
  std::array<std::string, 5> words{program, "__monitor", "--store", store.string(), entry.id};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.c_str(), &settings.files, &settings.attributes,
                                  arguments.data(), environ);
  if (error != 0) throw Error::from_errno(error, "start " + program);
}

}  // namespace

void start_monitor(const Entry& entry, const std::filesystem::path& store,
                   const Interrupt& interrupt) {
  auto pair = Channel::make_pair();
  Channel& ours = pair.first;
  {
    // On the same number dup2 would leave close-on-exec set.
    const Channel theirs = std::move(pair.second);
    const Descriptor elsewhere(::fcntl(theirs.fd(), F_DUPFD_CLOEXEC, monitor_channel + 1));
    spawn(entry, store, elsewhere.get());
  }
  // Whoever gives up waiting closes the monitor_channel, which ends the monitor.
  const StopCallback on_interrupt(interrupt.token(), [&] { ours.shutdown_receive(); });
  try {
    next_answer(ours);
  } catch (const Error&) {
    if (interrupt.signal() != 0) throw Error(Errc::cancelled, "stopped");
    throw;
  }
}

}  // namespace cli
