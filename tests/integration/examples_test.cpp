// SPDX-License-Identifier: Apache-2.0
// The examples, as their first lines say to call them, all in one folder: the image is pulled once.
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>

#include "os/child_process.hpp"
#include "support/demo.hpp"

#include <vmkit/oci/reference.hpp>

using namespace vmkit;
using namespace std::chrono_literals;
using test::Demo;

namespace {

std::filesystem::path folder() {
  const auto path = Demo::get().folder() / "examples";
  std::filesystem::create_directories(path);
  return path;
}

os::Output run(const std::string& example, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), VMKIT_EXAMPLES_FOLDER "/example_" + example);
  auto output = os::run({.arguments = std::move(arguments), .working_directory = folder()}, 1_MiB,
                        CallOptions{}.with_timeout(100s));
  INFO(output.err);
  CHECK(output.err.empty());
  return output;
}

/// One that boots machines: with kernel, modules and image before its own arguments.
os::Output run_machine(const std::string& example, std::vector<std::string> rest = {}) {
  const auto kernel = test::demo_kernel();
  rest.insert(rest.begin(),
              {kernel.image.string(), kernel.modules.string(), Demo::get().reference()});
  return run(example, std::move(rest));
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("02_pull: every layer to its end, and what was pulled") {
  const auto output = run("02_pull", {Demo::get().reference()});
  CHECK(output.status.success());
  std::size_t whole = 0;
  std::istringstream lines(output.out);
  for (std::string line; std::getline(lines, line);) whole += contains(line, ": 100 % of") ? 1 : 0;
  CHECK(whole == Demo::get().image().manifest.layers.size());
  CHECK(contains(output.out, Demo::get().image().descriptor.digest.to_string()));
}

TEST_CASE("01_run: what the command writes") {
  const auto output = run_machine("01_run", {"cat", "/etc/os-release"});
  CHECK(output.status.success());
  CHECK(contains(output.out, "ID=debian\n"));
}

TEST_CASE("03_unpack: a disk is made, changed, read and exported") {
  const auto output = run("03_unpack", {Demo::get().reference()});
  CHECK(output.status.success());
  CHECK(contains(output.out, "/etc/app/greeting: hello\n"));
  const auto listed =
      os::run({.arguments = {"tar", "-tf", (folder() / "disk.tar").string()}}, 16_MiB);
  CHECK(contains(listed.out, "etc/app/greeting\n"));
  const auto entries = std::count(listed.out.begin(), listed.out.end(), '\n');
  CHECK(contains(output.out, "disk.tar has " + std::to_string(entries) + " entries"));
}

TEST_CASE("04_exec: users, input, statuses, a time limit") {
  const auto output = run_machine("04_exec");
  CHECK(output.status.success());
  CHECK(contains(output.out,
                 "nobody\n/tmp\nhello\n"
                 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  -\n"
                 "exit status 7\nnot_found\nended by signal 15\n"));
}

TEST_CASE("05_clone: so many, and what they take") {
  const auto output = run("05_clone", {Demo::get().reference(), "3"});
  CHECK(output.status.success());
  const bool cloned = contains(output.out, "copy-on-write");
  CHECK(output.out.starts_with(cloned ? "3 clones in " : "1 clones in "));
  CHECK(contains(output.out, cloned ? "all 4 disks together: " : "all 2 disks together: "));
}

TEST_CASE("06_snapshot: what was broken is whole again") {
  const auto output = run_machine("06_snapshot");
  CHECK(output.status.success());
  CHECK(output.out == "0\nprecious\n");
  CHECK_FALSE(std::filesystem::exists(folder() / "vmkit-box"));
}

TEST_CASE("07_share: both sides see what is in the folder") {
  std::filesystem::create_directories(folder() / "shared");
  std::ofstream(folder() / "shared" / "in") << "from the host\n";
  const auto output =
      run_machine("07_share", {"shared", "sh", "-c", "cat in; echo from the guest > out; exit 5"});
  CHECK(output.status.code == 5);
  CHECK(output.out == "from the host\n");
  std::ifstream out(folder() / "shared" / "out");
  std::string line;
  std::getline(out, line);
  CHECK(line == "from the guest");
}

TEST_CASE("09_build: the same folder gives the same image, which others can pull") {
  std::filesystem::create_directories(folder() / "site" / "deep");
  std::ofstream(folder() / "site" / "index.html") << "<p>hello</p>\n";
  std::ofstream(folder() / "site" / "deep" / "file") << "deep\n";
  const auto registry = oci::Reference::parse(Demo::get().reference()).registry();
  const std::string name = registry + "/site:1";
  const auto first = run("09_build", {Demo::get().reference(), "site", name});
  CHECK(first.status.success());
  CHECK(first.out.starts_with(name + "@sha256:"));
  CHECK(run("09_build", {Demo::get().reference(), "site", name}).out == first.out);
  const auto kernel = test::demo_kernel();
  const auto seen = run("01_run", {kernel.image.string(), kernel.modules.string(), name, "sh", "-c",
                                   "cat /srv/index.html /srv/deep/file; stat -c %U:%a /srv/deep"});
  CHECK(seen.out == "<p>hello</p>\ndeep\nroot:755\n");
}
