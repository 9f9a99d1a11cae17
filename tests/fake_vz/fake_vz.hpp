// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// Virtualization.framework for tests: the classes of virtualization.api with the rules that Apple
// documents, in front of guests that the test plays. It aborts when a machine is touched off its
// queue, as the real one does.
namespace fake_vz {

/// What the framework is to say instead of doing something; code 0: it does it.
struct Refusal {
  std::string domain = "VZErrorDomain";
  long code = 0;
  std::string text = {};
};

/// What runs inside of one virtual machine, for the test to play. Thread-safe.
class Guest : public std::enable_shared_from_this<Guest> {
 public:
  ~Guest();

  void write_console(const std::string& text);
  /// The guest's end of a port; it stays the guest's.
  int port(std::size_t index);
  /// Tells the framework's delegate.
  void open_port();
  /// Ends by itself, as after a power-off; or breaks down.
  void power_off();
  void break_down(const Refusal& why);
  void lose_network(std::size_t index);
  /// From now on connections to the port are taken: accept() has the guest's ends in order.
  void listen(unsigned port);
  int accept(unsigned port);
  /// Connects to a port of the host; the guest's end, or -1 if nobody takes it.
  int connect(unsigned port);
  /// The folder that the share shows by now, and whether for reading only: "/a NO".
  std::string share(const std::string& tag);
  /// Disks that were plugged in.
  unsigned attached_disks();
  /// Loses the server of the disk of that index.
  void lose_disk(std::size_t index);

  bool is_running() const { return running_; }
  bool is_paused() const { return paused_; }
  unsigned button_presses() const { return presses_; }
  unsigned long long memory_target();

  // For the fake.
  struct Machine;
  Machine* machine = nullptr;  // with the mutex; null when the VZVirtualMachine is gone
  std::mutex mutex;
  std::atomic<bool> running_{false};
  std::atomic<bool> paused_{false};
  std::atomic<unsigned> presses_{0};
  int console_fd = -1;
  std::vector<int> port_fds;
  std::map<unsigned, std::vector<int>> accepted;
  void end();
};

/// The Mac, and how its framework behaves. Reset before each test, and changed before machines are
/// made only, but for the atomics.
struct World {
  unsigned macos_major = 15;
  unsigned macos_minor = 1;
  bool supported = true;
  bool entitled = true;
  bool may_bridge = true;
  bool nested = true;
  int rosetta = 2;
  Refusal validate, start, pause, resume, stop, rosetta_share, save_support, save, restore, attach,
      detach;
  std::atomic<unsigned> vmnet{1000};  ///< What it answers: 1000 is success.
  bool start_throws = false;
  std::atomic<bool> start_hangs{false};  ///< The handler is called when this is false again.
  std::atomic<bool> stop_hangs{false};
  std::atomic<bool> save_hangs{false};
  std::atomic<bool> attach_hangs{false};
  std::chrono::milliseconds delay{1};  ///< Of each completion handler.
  /// Runs in a thread of its own when a machine runs.
  std::function<void(std::shared_ptr<Guest>)> boot = {};
};
World& world();

/// Waits until all is quiet, then makes everything as at first.
void reset();

/// All that ran since reset(), the last one last.
std::vector<std::shared_ptr<Guest>> guests();

/// Objects of the framework's classes that are alive.
int living_objects();

/// What the configuration of the last machine was like, a line for each object: as vz::to_string of
/// the plan that it was made of.
std::string last_configuration();

/// Reads a property of the last machine in the calling thread, which is not its queue: aborts.
void touch_off_queue();

}  // namespace fake_vz
