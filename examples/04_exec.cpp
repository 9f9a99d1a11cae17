// SPDX-License-Identifier: Apache-2.0
// Boots a container and uses it as one uses a shell: many processes, input, output while it comes,
// statuses, another user, a time limit.
//   04_exec KERNEL MODULES 127.0.0.1:5000/debian:demo
#include <chrono>
#include <cstdio>

#include <vmkit/vmkit.hpp>

using namespace vmkit;
using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  if (argc != 4) return std::fputs("usage: 04_exec KERNEL MODULES IMAGE\n", stderr), 2;
  auto store = oci::ImageStore::open("vmkit-store");
  const auto reference = oci::Reference::parse(argv[3]);
  const bool local = reference.registry().starts_with("127.0.0.1:");
  oci::RegistryClient registry({.defaults = {.plain_http = local}});
  auto box = container::Container::create({.image = oci::pull(registry, store, reference),
                                           .store = store,
                                           .folder = "vmkit-container",
                                           .backend = vm::make_qemu_backend(),
                                           .kernel = {.image = argv[1], .modules = argv[2]}});
  box.start();
  std::printf("Linux %s\n", box.kernel_release().c_str());

  // As another user, somewhere else, with an environment.
  auto who = box.exec({.args = {"sh", "-c", "id -un; pwd; echo $GREETING"},
                       .env = {"GREETING=hello"},
                       .working_directory = "/tmp",
                       .user = "nobody"});
  std::printf("%s", read_to_end(who.stdout_source()).c_str());

  // Input goes in and ends; the answer comes out.
  auto sum = box.exec({.args = {"sha256sum"}, .stdin_mode = agent::Stdio::pipe});
  sum.stdin_sink().write(std::as_bytes(std::span("abc", 3)));
  sum.stdin_sink().close();
  std::printf("%s", read_to_end(sum.stdout_source()).c_str());

  // A status is a value; what cannot be started is an error.
  auto seven = box.exec({.args = {"sh", "-c", "exit 7"}});
  std::printf("exit status %d\n", seven.wait().code);
  try {
    box.exec({.args = {"no-such-program"}});
  } catch (const Error& error) {
    std::printf("%s\n", std::string(to_string(error.code())).c_str());
  }

  // A process that takes too long is left, and can be killed.
  auto slow = box.exec({.args = {"sleep", "1000"}});
  try {
    slow.wait(CallOptions{}.with_timeout(100ms));
  } catch (const Error& error) {
    if (error.code() != Errc::timeout) throw;
    slow.signal("TERM");
  }
  std::printf("ended by signal %d\n", slow.wait().signal);
  box.stop();
} catch (const Error& error) {
  std::fprintf(stderr, "04_exec: %s\n", error.what());
  return 125;
}
