// SPDX-License-Identifier: Apache-2.0
#include "vm/helper/backend.hpp"

#include <mutex>
#include <type_traits>
#include <utility>

#include "vm/helper/machine.hpp"
#include "vm/helper/server.hpp"
#include "vm/helper/values.hpp"
#include "vm/machine_impl.hpp"

namespace vmkit::vm {
namespace helper {
namespace {

class HelperBackend final : public Backend {
 public:
  HelperBackend(HelperOptions options, Launcher launch)
      : options_(std::move(options)), launch_(std::move(launch)) {}

  std::string_view name() const noexcept override { return "helper"; }

  Capabilities capabilities(Architecture architecture, const CallOptions& options) override {
    MachineConfig config;
    config.architecture = architecture;
    return ask("capabilities", write_config(config), options,
               [](const Json& result) { return read_capabilities(result); });
  }

  std::vector<ConfigProblem> validate(const MachineConfig& config) override {
    return ask("validate", write_config(config), {},
               [](const Json& result) { return read_problems(result.at("problems")); });
  }

  std::vector<std::optional<NetworkAddresses>> network_addresses(
      const MachineConfig& config) const override {
    return ask("network_addresses", write_config(config), {}, [&](const Json& result) {
      auto all = read_addresses(result.at("addresses"));
      if (all.size() != config.networks.size()) {
        throw Error(Errc::data_corruption, "a helper told the addresses of other networks");
      }
      return all;
    });
  }

  std::string new_machine_identifier() override {
    return ask("new_machine_identifier", Json::object(), {},
               [](const Json& result) { return result.at("identifier").get<std::string>(); });
  }

 protected:
  std::unique_ptr<detail::MachineDriver> make_driver(MachineConfig config,
                                                     detail::MachineStatus& status) override {
    const auto connect = [options = options_, launch = launch_](const CallOptions& call) {
      return greeted(options, launch, call);
    };
    return std::make_unique<HelperMachine>(std::move(config), status, connect,
                                           options_.response_limit);
  }

 private:
  static std::shared_ptr<Connection> greeted(const HelperOptions& options, const Launcher& launch,
                                             const CallOptions& call) {
    auto connection = std::make_shared<Connection>(
        launch(), options.program.string(), patience(options.response_limit),
        options.qemu ? options.qemu->log : options.vz.log);
    connection->call("hello", {{"version", protocol_version}, {"options", write_options(options)}},
                     call.with_timeout(options.response_limit));
    return connection;
  }

  /// The helper that has no machine; another one if that has gone.
  std::shared_ptr<Connection> helper(const CallOptions& options) const {
    const std::lock_guard lock(mutex_);
    if (!helper_ || helper_->lost()) helper_ = greeted(options_, launch_, options);
    return helper_;
  }

  template <class Read>
  std::invoke_result_t<Read, const Json&> ask(const char* method, const Json& params,
                                              const CallOptions& options, Read read) const {
    const CallOptions limited = options.with_timeout(options_.response_limit);
    const auto answer = helper(limited)->call(method, params, limited);
    try {
      return read(answer.result);
    } catch (const Json::exception&) {
      throw Error(Errc::data_corruption,
                  std::string("a helper answered ") + method + " with what is no answer to it");
    }
  }

  const HelperOptions options_;
  const Launcher launch_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::shared_ptr<Connection> helper_;
};

}  // namespace

std::shared_ptr<Backend> make_backend(HelperOptions options, Launcher launch) {
  if (options.qemu && options.qemu->outlives_owner) {
    throw Error(Errc::invalid_argument,
                "a helper's machines end with their owner: expected no outlives_owner");
  }
  return std::make_shared<HelperBackend>(std::move(options), std::move(launch));
}

}  // namespace helper

std::shared_ptr<Backend> make_helper_backend(HelperOptions options) {
  if (options.program.empty()) {
    throw Error(Errc::invalid_argument, "a helper: expected its program, vmkit-vz-host");
  }
  const auto launch = [program = options.program.string()] {
    os::DescriptorPair ends = os::make_socket_pair();
    auto process = os::ChildProcess::spawn({.arguments = {program}, .stdin_fd = ends.second.get()});
    return helper::Helper{std::move(ends.first), std::move(process)};
  };
  return helper::make_backend(std::move(options), launch);
}

}  // namespace vmkit::vm
