// SPDX-License-Identifier: Apache-2.0
// The small kernel without modules that scripts/build-kernel makes: it has everything that a
// container may ask for, and runs one.
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <fstream>
#include <string>

#include "support/demo.hpp"

#include <vmkit/container/container.hpp>
#include <vmkit/container/kernel_features.hpp>

using namespace vmkit;
using namespace std::chrono_literals;
using test::Demo;

TEST_CASE("own kernel: no feature is missing, and all are built in") {
  const auto kernel = container::kernel_features(test::own_kernel());
  REQUIRE(!kernel.features.empty());
  for (const auto& status : kernel.features) {
    CHECK_MESSAGE(status.support == container::KernelSupport::built_in, to_string(status.feature));
  }
}

TEST_CASE("own kernel: a container with a folder of the host, a network and its limits") {
  auto options = Demo::get().container_options();
  options.kernel = test::own_kernel();
  const auto host = Demo::get().folder() / "shared";
  std::filesystem::create_directories(host);
  std::ofstream(host / "a") << "nine\n";
  options.host_mounts = {
      {.path = host, .target = "/nine", .transport = vm::ShareTransport::plan9},
      {.path = host, .target = "/fs", .transport = vm::ShareTransport::virtiofs}};
  options.network = true;
  options.isolation.limits.memory_max = 128_MiB;
  auto box = container::Container::create(options);
  box.start();
  auto process = box.exec({.args = {"sh", "-c",
                                    "cat /nine/a /fs/a; cat /sys/fs/cgroup/memory.max; "
                                    "cat /proc/pressure/memory | wc -l; "
                                    "grep ^Seccomp: /proc/self/status | cut -f2"}});
  std::string text;
  std::array<std::byte, 4096> buffer;
  while (const std::size_t count = process.stdout_source().read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  CHECK(text == "nine\nnine\n134217728\n2\n2\n");
  CHECK(process.wait(CallOptions{}.with_timeout(60s)) == agent::ExitStatus{0, 0});
  box.stop();
}
