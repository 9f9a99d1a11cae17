// SPDX-License-Identifier: Apache-2.0
// The devbox program, as a user runs it.
#include <doctest/doctest.h>
#include <fstream>
#include <signal.h>
#include <thread>

#include "os/child_process.hpp"
#include "os/file.hpp"
#include "support/demo.hpp"
#include "support/e2fsck.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/oci/reference.hpp>

using namespace vmkit;
using namespace std::chrono_literals;

namespace {

class Devbox {
 public:
  std::vector<std::string> arguments(std::vector<std::string> rest) const {
    rest.insert(rest.begin(), {VMKIT_DEVBOX, "--home", home().string(), "--plain-http"});
    return rest;
  }
  os::Output operator()(std::vector<std::string> rest) const {
    return os::run({.arguments = arguments(std::move(rest))}, 1_MiB,
                   CallOptions{}.with_timeout(120s));
  }
  std::string ok(std::vector<std::string> rest) const {
    const os::Output output = (*this)(std::move(rest));
    INFO(output.err);
    REQUIRE(output.status.code == 0);
    return output.out;
  }
  void create(const std::string& name, const std::string& image,
              const std::string& user = "dev") const {
    const auto kernel = test::demo_kernel();
    const auto key = folder_.path() / "key.pub";
    std::ofstream(key) << "ssh-ed25519 AAAAC3 me@here\n";
    ok({"create", name, image, "--key", key.string(), "--kernel", kernel.image.string(),
        "--modules", kernel.modules.string(), "--memory", "256M", "--cpus", "1", "--user", user});
  }
  std::filesystem::path home() const { return folder_.path() / "home"; }
  std::filesystem::path file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_.path() / name) << content;
    return folder_.path() / name;
  }

 private:
  os::TemporaryDirectory folder_ = test::temporary_directory();
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Waits until the file has that text.
bool comes_to_have(const std::filesystem::path& file, const std::string& text) {
  for (const auto end = std::chrono::steady_clock::now() + 60s;
       std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(20ms)) {
    if (contains(os::read_file(file, 1_MiB), text)) return true;
  }
  return false;
}

constexpr const char* web_server = R"(
services:
  - command: [perl, -e, 'use IO::Socket; my $s = IO::Socket::INET->new(LocalPort => 8000, Listen => 5) or die;
      while (my $c = $s->accept) { <$c>; print $c "HTTP/1.0 200 OK\r\n\r\nhello from " . getpwuid($<); close $c }']
    user: dev
proxies:
)";

}  // namespace

TEST_CASE("devbox: a user, snapshots, an image for others") {
  const Devbox devbox;
  devbox.create("web", test::Demo::get().reference());
  CHECK(contains(devbox.ok({"list"}), "stopped"));
  const std::string seen = devbox.ok({"run", "web", "--", "sh", "-c",
                                      "id -un; pwd; cat .ssh/authorized_keys; stat -c %a:%U "
                                      ".ssh/authorized_keys .; echo first > f"});
  CHECK(seen == "dev\n/home/dev\nssh-ed25519 AAAAC3 me@here\n600:dev\n755:dev\n");
  CHECK(devbox({"run", "web", "--", "cat", "/etc/sudoers.d/90-dev"}).status.code == 1);  // root's

  devbox.ok({"snapshot", "web", "clean"});
  CHECK(devbox({"run", "web", "--", "sh", "-c", "echo second > f; exit 4"}).status.code == 4);
  devbox.ok({"restore", "web", "clean"});
  CHECK(devbox.ok({"snapshots", "web"}) == "* clean\n");
  CHECK(test::e2fsck_complaints(devbox.home() / "boxes" / "web" / "disk.ext4").empty());

  const auto reference = oci::Reference::parse(test::Demo::get().reference());
  const std::string published = reference.registry() + "/team/web:1";
  CHECK(contains(devbox({"publish", "web", "no-such", published}).err,
                 "box web has no snapshot no-such"));
  CHECK(contains(devbox.ok({"publish", "web", "clean", published}), "sha256:"));
  const Devbox colleague;
  const auto taken = colleague({"create", "mine", published, "--kernel", "none"});
  CHECK(taken.status.code == 125);
  colleague.create("mine", published, "ann");
  CHECK(colleague.ok({"run", "mine", "--", "sh", "-c", "id -un; cat /home/dev/f"}) ==
        "ann\nfirst\n");
  colleague.ok({"remove", "mine"});
  CHECK(contains(colleague({"run", "mine", "--", "true"}).err, "there is no box mine"));
}

TEST_CASE("devbox: services and proxies of a YAML file, until it is told to end") {
  const Devbox devbox;
  devbox.create("web", test::Demo::get().reference());
  const auto socket = devbox.home() / "web.sock";
  const auto profile = devbox.file("web.yaml", web_server + std::string("  - listen: ") +
                                                   socket.string() + "\n    target: 8000\n");
  const auto log = devbox.file("up.log", "");
  const os::File out = os::File::open(log, os::File::Mode::read_write);
  auto up = os::ChildProcess::spawn(
      {.arguments = devbox.arguments({"up", "web", "--profile", profile.string()}),
       .stdout_fd = out.fd(),
       .stderr_fd = out.fd()});
  REQUIRE(comes_to_have(log, "web is up"));
  CHECK(contains(devbox.ok({"list"}), "running"));
  const auto answer =
      os::run({.arguments = {"curl", "-s", "--retry", "20", "--retry-all-errors", "--retry-delay",
                             "1", "--unix-socket", socket.string(), "http://box/"}},
              1_MiB, CallOptions{}.with_timeout(60s));
  CHECK(answer.out == "hello from dev");
  CHECK(contains(devbox({"snapshot", "web", "now"}).err, "is being written by process"));
  CHECK(contains(devbox({"remove", "web"}).err, "is in use"));
  up.kill(SIGTERM);
  CHECK(up.wait(CallOptions{}.with_timeout(60s)).code == 0);
  CHECK(contains(devbox.ok({"list"}), "stopped"));
  CHECK_FALSE(std::filesystem::exists(socket));

  const auto wrong = devbox.file("wrong.yaml", "proxies:\n  - listen: 80\n    to: 80\n");
  const auto refused = devbox({"up", "web", "--profile", wrong.string()});
  CHECK(refused.status.code == 125);
  CHECK(contains(refused.err, "wrong.yaml: line 3: unknown key \"to\""));
}
