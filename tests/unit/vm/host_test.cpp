// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/host.hpp"

#include <doctest/doctest.h>

using namespace vmkit;
using namespace vmkit::vm;
using namespace vmkit::vm::qemu;

TEST_CASE("host: QEMU's version") {
  CHECK(parse_version("QEMU emulator version 7.2.22 (Debian 1:7.2)\nCopyright") == "7.2.22");
  CHECK(parse_version("QEMU emulator version 10.0.0\n") == "10.0.0");
  CHECK_FALSE(parse_version("QEMU emulator version "));
  CHECK_FALSE(parse_version("bash: no such command"));
  CHECK(is_new_enough("7.2.22"));
  CHECK(is_new_enough("10.0"));
  CHECK(is_new_enough("8"));
  CHECK_FALSE(is_new_enough("7.1.9"));
  CHECK_FALSE(is_new_enough("6.2.0"));
  CHECK_FALSE(is_new_enough("7"));
}

TEST_CASE("host: without a QEMU it says where it looked and what to install") {
  QemuOptions options;
  options.search_path = {"/nowhere", "/nor/here"};
  const Host host = probe_host(options, Architecture::arm64);
  CHECK(host.machines.limitation == Limitation::missing_program);
  CHECK(host.machines.reason == "there is no qemu-system-aarch64 in /nowhere, /nor/here");
  CHECK(host.machines.way_out.find("apt-get install qemu-system-arm") != std::string::npos);
}

TEST_CASE("host: the clock is measured to within a thousandth") {
  const Host first = probe_host({}, Architecture::x86_64);
  const Host second = probe_host({}, Architecture::x86_64);
  if (host_architecture() != Architecture::x86_64) {
    CHECK_FALSE(first.tsc_khz);
    return;
  }
  REQUIRE(first.tsc_khz);
  CHECK(*first.tsc_khz > 100'000);
  CHECK(*first.tsc_khz < 10'000'000);
  CHECK(static_cast<double>(*first.tsc_khz) ==
        doctest::Approx(static_cast<double>(*second.tsc_khz)).epsilon(0.001));
}

TEST_CASE("host: capabilities say each feature once, with reasons") {
  Host host{.binary = "/q"};
  host.acceleration = {QemuAccelerator::tcg,
                       {Feature::hardware_acceleration, Limitation::missing_device, "no", "way"}};
  QemuOptions options;
  const auto limitation = [&](const Program& program, Feature feature) {
    const Capabilities all = describe(options, Architecture::x86_64, host, program);
    CHECK(all.features.size() == 4);
    CHECK(all.accelerator == "tcg");
    const FeatureStatus& status = all.status(feature);
    CHECK(status.reason.empty() == status.available());
    return status.limitation;
  };
  const Program fine{"7.2.0", true, ""};
  CHECK(limitation(fine, Feature::machines) == Limitation::none);
  CHECK(limitation(fine, Feature::hardware_acceleration) == Limitation::missing_device);
  CHECK(limitation({"6.2.0", true, ""}, Feature::machines) == Limitation::too_old);
  CHECK(limitation({"", false, "exited with status 1: what?"}, Feature::machines) ==
        Limitation::missing_program);
  if (!host_can_filter_system_calls) return;
  CHECK(limitation(fine, Feature::sandbox) == Limitation::none);
  CHECK(limitation({"7.2.0", false, ""}, Feature::sandbox) == Limitation::not_built_in);
  options.sandbox = false;
  CHECK(limitation(fine, Feature::sandbox) == Limitation::disabled_by_option);
}
