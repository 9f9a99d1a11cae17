// SPDX-License-Identifier: Apache-2.0
// What no guest could do is refused on the host, naming the field.
#include <doctest/doctest.h>

#include "agent/capability_names.hpp"
#include "agent/spec_json.hpp"
#include "agent/statistics_json.hpp"
#include "support/errors.hpp"

#include <vmkit/agent/container_spec.hpp>

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace std::chrono_literals;

ContainerSpec with(const std::function<void(ContainerSpec&)>& change) {
  ContainerSpec spec{.root = {.serial = "root"}};
  change(spec);
  return spec;
}

void refuse(const char* words, const std::function<void(ContainerSpec&)>& change) {
  test::check_error(Errc::invalid_argument, {words}, [&] { check(with(change)); });
}

void refuse_process(const char* words, const std::function<void(ProcessSpec&)>& change) {
  ProcessSpec spec{.args = {"true"}};
  change(spec);
  test::check_error(Errc::invalid_argument, {words}, [&] { to_json(spec); });
}

}  // namespace

TEST_CASE("container spec: what is wrong is named") {
  CHECK_NOTHROW(check(with([](ContainerSpec&) {})));
  refuse("root.serial", [](ContainerSpec& spec) { spec.root.serial = ""; });
  refuse("hostname", [](ContainerSpec& spec) { spec.hostname = std::string(65, 'x'); });
  refuse("mounts[0].target", [](ContainerSpec& spec) { spec.mounts = {{.target = "relative"}}; });
  refuse("mounts[1].source", [](ContainerSpec& spec) {
    spec.mounts = {{.type = MountType::tmpfs, .target = "/a"}, {.target = "/b"}};
  });
  refuse("mounts[0].source", [](ContainerSpec& spec) {
    spec.mounts = {{.type = MountType::bind, .source = "x", .target = "/b"}};
  });
  refuse("devices[0].path", [](ContainerSpec& spec) { spec.devices = {{.path = "null"}}; });
  refuse("masked_paths[0]", [](ContainerSpec& spec) { spec.masked_paths = {"proc"}; });
  refuse("readonly_paths[0]", [](ContainerSpec& spec) { spec.readonly_paths = {""}; });
  refuse("sysctls", [](ContainerSpec& spec) { spec.sysctls = {{"../x", "1"}}; });
  refuse("seccomp", [](ContainerSpec& spec) { spec.seccomp = SeccompFilter{}; });
  refuse("seccomp", [](ContainerSpec& spec) {
    spec.seccomp = SeccompFilter{std::vector<std::byte>(std::size_t{8 * 4097})};
  });
  refuse("limits.cpu_quota", [](ContainerSpec& spec) { spec.limits.cpu_quota = 1us; });
  refuse("limits.cpu_quota", [](ContainerSpec& spec) {
    spec.limits.cpu_quota = 10ms;
    spec.limits.cpu_period = 2s;
  });
  refuse("limits.cpu_weight", [](ContainerSpec& spec) { spec.limits.cpu_weight = 0; });
  refuse("limits.io_weight", [](ContainerSpec& spec) { spec.limits.io_weight = 10001; });
}

TEST_CASE("process spec: what is wrong is named") {
  refuse_process("args", [](ProcessSpec& spec) { spec.args.clear(); });
  refuse_process("umask", [](ProcessSpec& spec) { spec.umask = 01000; });
  refuse_process("oom_score_adj", [](ProcessSpec& spec) { spec.oom_score_adj = 1001; });
  refuse_process("rlimits[1].name", [](ProcessSpec& spec) {
    spec.rlimits = {{"nofile"}, {"files"}};
  });
  refuse_process("rlimits[0]", [](ProcessSpec& spec) { spec.rlimits = {{"RLIMIT_CORE", 2, 1}}; });
  refuse_process("capabilities.ambient",
                 [](ProcessSpec& spec) { spec.capabilities.ambient = {"CAP_FLY"}; });
  refuse_process("seccomp", [](ProcessSpec& spec) { spec.seccomp_mode = SeccompMode::own; });
}

TEST_CASE("capabilities: names to bits") {
  CHECK(capability_mask("", {}) == 0);
  CHECK(capability_mask("", {"CAP_CHOWN", "sys_admin", "CHECKPOINT_RESTORE"}) ==
        (1ULL | 1ULL << 21 | 1ULL << 40));
  CHECK(capability_mask("", {"KILL", "all"}) == ~0ULL);
  CHECK(capability_mask("", default_capabilities()) == 0xa80425fb);
}

TEST_CASE("statistics: what a guest leaves out is zero, what it says wrongly is an error") {
  const auto empty = parse_statistics(Json::object());
  CHECK(empty.memory.usage == 0_B);
  CHECK_FALSE(empty.memory.pressure);
  CHECK(empty.block.empty());
  const auto told = parse_statistics(Json::parse(R"({
      "cpu":{"usage_usec":18446744073709551615,"nr_throttled":2},"memory_limit":null,
      "memory_usage":4096,"pids":3,"pids_limit":64,
      "cpu_pressure":{"some":{"avg10":1.5,"total":7},"full":{}},
      "block":[{"device":"vda","serial":"root","rbytes":5}],"network":[{"name":"lo"}]})"));
  CHECK(told.cpu.usage == std::chrono::microseconds::max());
  CHECK(told.cpu.throttled_periods == 2);
  CHECK_FALSE(told.memory.limit);
  CHECK(told.pids.limit == 64);
  CHECK(told.cpu.pressure->some.average_10 == 1.5);
  CHECK(told.block[0].read == 5_B);
  for (const char* wrong :
       {R"({"cpu":{"usage_usec":"x"}})", R"({"block":[{}]})", R"({"block":"x"})", R"({"pids":{}})",
        R"({"memory":7})", R"({"network":[{"name":5}]})", R"({"cpu_pressure":{"some":[1]}})"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_statistics(Json::parse(wrong)), Json::exception);
  }
  for (const char* wrong : {"{}", R"({"processes":[{}]})", R"({"processes":[7]})"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_top(Json::parse(wrong)), Json::exception);
  }
}
