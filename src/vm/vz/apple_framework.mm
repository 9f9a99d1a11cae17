// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/apple_framework.hpp"

#include <utility>

#include "vm/vz/configuration.hpp"
#include "vm/vz/foundation.hpp"
#include "vm/vz/queue.hpp"
#include "vm/vz/virtual_machine.hpp"

namespace vmkit::vm::vz {
namespace {

#if defined(__arm64__)
constexpr auto processor = Architecture::arm64;

Rosetta rosetta() {
  switch ([VZLinuxRosettaDirectoryShare availability]) {
    case VZLinuxRosettaAvailabilityNotSupported:
      return Rosetta::not_supported;
    case VZLinuxRosettaAvailabilityNotInstalled:
      return Rosetta::not_installed;
    case VZLinuxRosettaAvailabilityInstalled:
      return Rosetta::installed;
  }
  return Rosetta::not_supported;  // what a later macOS may say
}
#else
constexpr auto processor = Architecture::x86_64;

Rosetta rosetta() {
  return Rosetta::not_supported;  // its interface is not there
}
#endif

class AppleFramework final : public Framework {
 public:
  MacFacts facts() override {
    const MacVersion version = macos_version();
    MacFacts facts;
    facts.macos_major = version.major;
    facts.macos_minor = version.minor;
    facts.architecture = processor;
    facts.entitled = has_entitlement("com.apple.security.virtualization");
    facts.may_bridge = has_entitlement("com.apple.vm.networking");
    @autoreleasepool {
      facts.runs_machines = [VZVirtualMachine isSupported];
      using Limits = VZVirtualMachineConfiguration;
      facts.least_cpus = static_cast<unsigned>([Limits minimumAllowedCPUCount]);
      facts.most_cpus = static_cast<unsigned>([Limits maximumAllowedCPUCount]);
      facts.least_memory = ByteSize([Limits minimumAllowedMemorySize]);
      facts.most_memory = ByteSize([Limits maximumAllowedMemorySize]);
      if (@available(macOS 15.0, *)) {
        facts.nested_virtualization =
            [VZGenericPlatformConfiguration isNestedVirtualizationSupported];
      }
      facts.rosetta = rosetta();
    }
    return facts;
  }

  std::string new_machine_identifier() override {
    @autoreleasepool {
      const auto identifier = adopt([[VZGenericMachineIdentifier alloc] init]);
      return to_string([[identifier.get() dataRepresentation] base64EncodedStringWithOptions:0]);
    }
  }

  std::unique_ptr<VirtualMachine> make_machine(const VzPlan& plan, MachineDescriptors descriptors,
                                               MachineListener listener) override {
    struct {
      const VzPlan& plan;
      MachineDescriptors& descriptors;
      MachineListener& listener;
      Queue queue = {};
      std::unique_ptr<VirtualMachine> machine = {};
      std::optional<Error> error = {};
    } made{plan, descriptors, listener};
    auto* const out = &made;
    made.queue.sync(^{
      @autoreleasepool {
        const auto made_of = make_configuration(out->plan, std::move(out->descriptors));
        if (!made_of) {
          out->error = made_of.error();
        } else {
          out->error = guarded("make the machine", [&] {
            out->machine =
                make_virtual_machine(out->queue, made_of.value(), std::move(out->listener));
          });
        }
      }
    });
    if (made.error) throw *made.error;
    return std::move(made.machine);
  }
};

}  // namespace

std::shared_ptr<Framework> make_apple_framework() {
  return std::make_shared<AppleFramework>();
}

}  // namespace vmkit::vm::vz
