// SPDX-License-Identifier: Apache-2.0
// The microvm program, as a user runs it.
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "os/child_process.hpp"
#include "support/demo.hpp"
#include "support/e2fsck.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace std::chrono_literals;

namespace {

class Microvm {
 public:
  Microvm() = default;
  Microvm(const Microvm&) = delete;
  Microvm& operator=(const Microvm&) = delete;
  ~Microvm() {
    // What a failed test leaves running would run for ever.
    for (const char* name : {"a", "b"}) (*this)({"vm", "stop", name});
  }
  os::Output operator()(std::vector<std::string> rest) const {
    rest.insert(rest.begin(), {VMKIT_MICROVM, "--home", home().string()});
    return os::run({.arguments = std::move(rest)}, 1_MiB, CallOptions{}.with_timeout(120s));
  }
  std::string ok(std::vector<std::string> rest) const {
    const os::Output output = (*this)(std::move(rest));
    INFO(output.err);
    REQUIRE(output.status.code == 0);
    return output.out;
  }
  std::filesystem::path home() const { return folder_.path() / "home"; }
  std::filesystem::path disk(const std::string& name) const {
    return home() / "machines" / name / "disk.ext4";
  }

 private:
  os::TemporaryDirectory folder_ = test::temporary_directory();
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("microvm: made, started, used by several commands, stopped, forked, removed") {
  const Microvm microvm;
  const auto kernel = test::demo_kernel();
  const std::string image = test::Demo::get().reference();
  CHECK(contains(microvm.ok({"image", "pull", "--plain-http", image}), "sha256:"));
  CHECK(contains(microvm.ok({"image", "list"}), image));
  microvm.ok({"vm", "create", "a", image, "--kernel", kernel.image.string(), "--modules",
              kernel.modules.string(), "--memory", "192M", "--disk", "1G"});

  microvm.ok({"vm", "start", "a"});
  CHECK(microvm.ok({"vm", "exec", "a", "--", "sh", "-c", "echo kept > /root/x; echo out"}) ==
        "out\n");
  const auto failed = microvm({"vm", "exec", "a", "--", "sh", "-c", "echo no >&2; exit 7"});
  CHECK(failed.status.code == 7);
  CHECK(failed.err == "no\n");
  CHECK(microvm({"vm", "exec", "a", "--", "no-such-program"}).status.code == 127);

  // What a machine has is not taken from it.
  const auto busy = microvm({"vm", "fork", "a", "b"});
  CHECK(busy.status.code == 125);
  CHECK(contains(busy.err, "is being written by process"));
  CHECK_FALSE(std::filesystem::exists(microvm.disk("b")));
  CHECK(
      contains(microvm({"vm", "delete", "a"}).err, "a runs: microvm vm stop it first"));

  microvm.ok({"vm", "stop", "a"});
  CHECK(test::e2fsck_complaints(microvm.disk("a")).empty());
  microvm.ok({"vm", "fork", "a", "b"});
  microvm.ok({"vm", "start", "b"});
  CHECK(microvm.ok({"vm", "exec", "b", "--", "cat", "/root/x"}) == "kept\n");

  const auto listed = nlohmann::json::parse(microvm.ok({"vm", "list", "--json"}));
  REQUIRE(listed.size() == 2);
  CHECK(listed[0]["state"] == "stopped");
  CHECK(listed[1]["state"] == "running");
  CHECK(listed[1]["memory"] == 192 << 20);
  const auto usage = nlohmann::json::parse(microvm.ok({"storage", "usage", "--json"}));
  REQUIRE(usage["disks"].size() == 3);  // the image's, and one for each machine
  std::uint64_t exclusive = 0;
  for (const auto& disk : usage["disks"]) exclusive += disk["exclusive"].get<std::uint64_t>();
  CHECK(exclusive <= usage["total"]);
  CHECK(usage["total"] > 0);

  microvm.ok({"vm", "stop", "b"});
  microvm.ok({"vm", "delete", "b"});
  const auto gone = microvm({"vm", "start", "b"});
  CHECK(gone.status.code == 125);
  CHECK(gone.err == "microvm: there is no machine b\n");
  CHECK(contains(microvm({"vm", "create", "../b", image, "--kernel", "k"}).err,
                 "is no name for a machine"));
}
