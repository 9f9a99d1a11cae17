// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/backend.hpp"

#include <utility>

#include "vm/vz/machine.hpp"
#include "vm/vz/plan.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/vm/host.hpp>

namespace vmkit::vm::vz {
namespace {

class VzBackend final : public Backend {
 public:
  VzBackend(VzOptions options, std::shared_ptr<Framework> framework)
      : options_(std::move(options)), framework_(std::move(framework)) {}

  std::string_view name() const noexcept override { return "vz"; }

  Capabilities capabilities(Architecture architecture, const CallOptions&) override {
    Capabilities all = describe(framework_->facts(), architecture);
    all.features.push_back(memory_status(host_resources().available_memory));
    return all;
  }

  std::vector<ConfigProblem> validate(const MachineConfig& config) override {
    const MacFacts mac = framework_->facts();
    return mac.is_mac ? make_plan(config, mac).problems : vm::validate(config);
  }

  // The framework's NAT has a DHCP server, and does not tell its network.
  std::vector<std::optional<NetworkAddresses>> network_addresses(
      const MachineConfig& config) const override {
    return std::vector<std::optional<NetworkAddresses>>(config.networks.size());
  }

  std::string new_machine_identifier() override {
    throw Error(Errc::unsupported, "this backend gives machines no identifier");
  }

 protected:
  std::unique_ptr<detail::MachineDriver> make_driver(MachineConfig config,
                                                     detail::MachineStatus& status) override {
    return std::make_unique<VzMachine>(std::move(config), status, options_, framework_);
  }

 private:
  const VzOptions options_;
  const std::shared_ptr<Framework> framework_;
};

}  // namespace

std::shared_ptr<Backend> make_backend(VzOptions options, std::shared_ptr<Framework> framework) {
  return std::make_shared<VzBackend>(std::move(options), std::move(framework));
}

}  // namespace vmkit::vm::vz
