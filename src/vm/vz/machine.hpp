// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "vm/console_recorder.hpp"
#include "vm/machine_driver.hpp"
#include "vm/machine_status.hpp"
#include "vm/runtime_folder.hpp"
#include "vm/vz/framework.hpp"
#include "vm/vz/request.hpp"
#include "vm/vz/run.hpp"

#include <vmkit/base/log.hpp>
#include <vmkit/vm/vz_backend.hpp>

namespace vmkit::vm::vz {

/// A machine of the framework's. A thread of its own lives from start to end of it, where all its
/// events come together; what callers want is done there and waited for.
class VzMachine final : public detail::MachineDriver {
 public:
  VzMachine(MachineConfig config, detail::MachineStatus& status, VzOptions options,
            std::shared_ptr<Framework> framework);
  ~VzMachine() override;

  void start(const CallOptions& options) override;
  void restore(const std::filesystem::path& file, const CallOptions& options) override;
  void save(const std::filesystem::path& file, const CallOptions& options) override;
  void request_kill() noexcept override;
  void press_power_button(const CallOptions& options) override;
  void pause(const CallOptions& options) override;
  void resume(const CallOptions& options) override;
  std::unique_ptr<Stream> open_port(std::string_view name, const CallOptions& options) override;
  std::unique_ptr<Stream> connect_vsock(std::uint32_t port, const CallOptions& options) override;
  std::unique_ptr<VsockListener> listen_vsock(std::uint32_t port,
                                              const CallOptions& options) override;
  void set_share(const Share& share, const CallOptions& options) override;
  void attach_disk(const Disk& disk, const CallOptions& options) override;
  void detach_disk(std::string_view identifier, const CallOptions& options) override;
  std::vector<std::string> console_tail(std::size_t lines) const override;
  MachineStatistics statistics(const CallOptions& options) override;
  void set_memory_target(ByteSize target, const CallOptions& options) override;
  MachineDiagnostics diagnostics() const override;

 private:
  using RequestHandle = std::shared_ptr<Request>;

  void launch(const std::filesystem::path* saved_machine, const CallOptions& options);
  void prepare(const std::filesystem::path* saved_machine);
  void prepare_networks();
  std::filesystem::path prepare_initrd();
  const std::filesystem::path& folder();
  void require(Feature feature, const std::string& what) const;
  void run() noexcept;
  MachineEvent run_once(bool& silent);
  void kill(KillCause cause) noexcept;
  void set_run(Run* run);
  /// Has `task` done in the machine's thread and waits until it, or what it began, finishes the
  /// request: at most `limit`, without a value VzOptions::response_limit. If the machine is there
  /// no more the task is not done and the request fails.
  void ask(const std::string& what, const CallOptions& options,
           std::function<void(Run&, RequestHandle)> task,
           std::optional<std::chrono::milliseconds> limit = {});
  /// For what a task begins: finishes the request, and before, in the machine's thread, says how
  /// it went.
  static Completion answer(Run& run, const std::string& what, RequestHandle handle,
                           std::function<void(Run&, bool success)> then);
  /// The same for what is one call of the framework's; `then` follows its success in the thread.
  void ask(const std::string& what, const CallOptions& options,
           std::function<void(VirtualMachine&, Completion)> call, std::function<void(Run&)> then);

  const MachineConfig config_;
  detail::MachineStatus& status_;
  const VzOptions options_;
  const std::shared_ptr<Framework> framework_;
  const std::string name_;  // "machine NAME", for messages
  Logger log_;
  detail::ConsoleRecorder console_;
  RunSetup setup_;
  MacFacts mac_;
  std::optional<detail::RuntimeFolder> folder_;
  std::atomic<KillCause> kill_cause_{KillCause::none};
  std::atomic<unsigned> attempts_{0};
  mutable std::mutex mutex_;
  Run* run_ = nullptr;  // with the mutex; while it is set its inbox takes tasks
  std::thread thread_;
};

}  // namespace vmkit::vm::vz
