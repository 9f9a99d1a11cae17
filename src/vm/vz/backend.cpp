// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/backend.hpp"

#include <utility>

#include "vm/network.hpp"
#include "vm/subnet.hpp"
#include "vm/vz/machine.hpp"
#include "vm/vz/plan.hpp"

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

  // The framework's NAT has a DHCP server, and does not tell its network. In one of the machine's
  // own the gateway is the first host, and answers for names.
  std::vector<std::optional<NetworkAddresses>> network_addresses(
      const MachineConfig& config) const override {
    std::vector<std::optional<NetworkAddresses>> all;
    for (std::size_t i = 0; i < config.networks.size(); ++i) {
      const Network& network = config.networks[i];
      auto& addresses = all.emplace_back();
      const auto parsed = parse_subnet(network.subnet);
      const auto* const subnet = std::get_if<Subnet>(&parsed);
      if (network.kind != NetworkKind::nat || subnet == nullptr ||
          network.addressing == Addressing::dhcp) {
        continue;
      }
      addresses = NetworkAddresses{.mac = detail::mac_address(config, i),
                                   .address = subnet->host(2),
                                   .prefix_length = subnet->prefix_length,
                                   .gateway = subnet->host(1),
                                   .dns = {subnet->host(1)}};
    }
    return all;
  }

  std::string new_machine_identifier() override { return framework_->new_machine_identifier(); }

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
