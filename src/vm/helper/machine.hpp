// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "vm/helper/connection.hpp"
#include "vm/machine_driver.hpp"
#include "vm/machine_status.hpp"

namespace vmkit::vm::helper {

/// Starts a helper, and greets it.
using Connector = std::function<std::shared_ptr<Connection>(const CallOptions& options)>;

/// A machine that lives in a helper of its own, from start() on.
class HelperMachine final : public detail::MachineDriver {
 public:
  HelperMachine(MachineConfig config, detail::MachineStatus& status, Connector connect,
                std::chrono::milliseconds response_limit);
  ~HelperMachine() override;

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
  void launch(const std::string& method, const Json& params, const CallOptions& options);
  void send_config();
  std::shared_ptr<Connection> connection(const char* call) const;
  Connection::Answer call(const char* method, Json params, const CallOptions& options) const;
  void change(MachineState from, const char* method, Json params, const CallOptions& options);
  void run();
  bool apply(const Json& event);
  void finish(MachineState state, MachineEventReason reason, std::optional<Error> error);

  const MachineConfig config_;
  detail::MachineStatus& status_;
  const Connector connect_;
  const std::chrono::milliseconds response_limit_;
  const std::string what_;    // "machine NAME"
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<Connection> connection_;
  bool over_ = false;  // no more will come: the helper is not asked any more
  std::optional<Error> launch_error_;
  std::optional<std::chrono::steady_clock::time_point> kill_deadline_;
  std::vector<std::string> last_console_;  // of a machine that has ended
  MachineDiagnostics last_diagnostics_;
  std::thread events_;
};

}  // namespace vmkit::vm::helper
