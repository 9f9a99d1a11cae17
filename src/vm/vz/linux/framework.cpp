// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/framework.hpp"

#include "vm/vz/backend.hpp"

namespace vmkit::vm {
namespace vz {
namespace {

class NoFramework final : public Framework {
 public:
  MacFacts facts() override {
    MacFacts facts;
    facts.is_mac = false;
    return facts;
  }

  std::string new_machine_identifier() override { refuse(); }

  std::unique_ptr<VirtualMachine> make_machine(const VzPlan&, MachineDescriptors,
                                               MachineListener) override {
    refuse();
  }

 private:
  [[noreturn]] static void refuse() {
    throw Error(Errc::unsupported, "virtualization.framework is a part of macOS");
  }
};

}  // namespace
}  // namespace vz

std::shared_ptr<Backend> make_vz_backend(VzOptions options) {
  return vz::make_backend(std::move(options), std::make_shared<vz::NoFramework>());
}

}  // namespace vmkit::vm
