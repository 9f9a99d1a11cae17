// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <vector>

#include "backend.hpp"
#include "commands.hpp"
#include "kernel.hpp"
#include "progress_display.hpp"
#include "pulling.hpp"
#include "raw_terminal.hpp"
#include "run_files.hpp"
#include "stdio_relay.hpp"

#include <vmkit/container/commit.hpp>
#include <vmkit/container/container.hpp>
#include <vmkit/container/pull_and_unpack.hpp>

namespace cli {
namespace {

using namespace vmkit;
using Clock = std::chrono::steady_clock;

/// A folder for one container, below the store so that both are on one file system and the disk can
/// be cloned copy-on-write.
std::filesystem::path new_container_folder(const std::filesystem::path& store) {
  std::random_device random;
  char name[32];
  std::snprintf(name, sizeof name, "%08x%08x", random(), random());
  return store / "containers" / name;
}

void print_timeline(std::chrono::nanoseconds pull,
                    const std::optional<rootfs::UnpackResult>& unpacked,
                    const container::Timeline& steps, std::chrono::nanoseconds first_process,
                    std::chrono::nanoseconds total) {
  const auto line = [](const char* what, std::chrono::nanoseconds time, const char* note = "") {
    const auto tenths = std::chrono::duration_cast<std::chrono::microseconds>(time).count() / 100;
    std::fprintf(stderr, "  %-14s %8lld.%lld ms%s\n", what, static_cast<long long>(tenths / 10),
                 static_cast<long long>(tenths % 10), note);
  };
  std::fprintf(stderr, "timeline:\n");
  line("pull", pull);
  if (unpacked) {
    line("unpack", unpacked->layers_time + unpacked->commit_time + unpacked->publish_time,
         "  (part of the pull: layers are unpacked while they come)");
  } else {
    line("unpack", {}, "  (cached)");
  }
  line("clone", steps.clone,
       steps.clone_method == disk::CloneMethod::cow ? "  (copy-on-write)" : "  (sparse copy)");
  line("boot to agent", steps.boot);
  line("first process", steps.mount + first_process, "  (root mounted, program running)");
  line("total", total);
}

/// What docker run makes of a process that could not be started.
int exit_status_of(const Error& error) {
  return error.code() == Errc::not_found           ? exit_not_found
         : error.code() == Errc::permission_denied ? exit_not_executable
                                                   : exit_own_failure;
}

/// Makes an image of what a container changed on its disk.
void commit(oci::ImageStore& store, const oci::Image& image, const std::filesystem::path& disk,
            const RunOptions& options, ProgressDisplay& display, const CallOptions& call) {
  std::string command = "vmkit run";
  for (const std::string& word : options.command) command += ' ' + word;
  const auto made =
      container::commit(store, image, disk, oci::Reference::parse(options.commit),
                        {.created = std::chrono::system_clock::now(), .created_by = command}, call);
  display.say(made.image.reference.to_string() + ": " + std::to_string(made.changes.written) +
              " entries, " + std::to_string(made.changes.removed) + " removed, " +
              to_string(made.changes.content) + " of files");
}

}  // namespace

int run(const RunOptions& options, const Interrupt& interrupt) {
  const auto begin = Clock::now();
  ProgressDisplay display(options.registry.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  // Before anything long is done in vain.
  const bool arm = platform_of(options.registry).normalized().architecture == "arm64";
  const auto kernel = find_kernel(arm ? Architecture::arm64 : Architecture::x86_64, options.kernel,
                                  options.modules);
  const auto memory = ByteSize::parse(options.memory);
  std::optional<agent::TerminalSize> terminal;
  if (options.terminal && !(terminal = terminal_size())) {
    throw Error(Errc::failed_precondition, "--tty: standard input is no terminal");
  }
  const auto isolation = isolation_of(options.isolation);
  auto overrides = overrides_of(options.isolation);
  if (!options.commit.empty()) {
    oci::Reference::parse(options.commit);
    if (isolation.writable_layer || isolation.writable_disk) {
      throw Error(Errc::invalid_argument,
                  "--commit: the command's changes must be on the disk, not in a layer of their "
                  "own; leave out --overlay and --storage-opt");
    }
  }
  check_copies(options);

  auto store = oci::ImageStore::open(options.store);
  container::Container::remove_abandoned(options.store / "containers");
  auto client = client_for(options.registry);
  const auto [image, disk] = container::pull_and_unpack(
      client, store, oci::Reference::parse(options.registry.reference),
      {.platform = platform_of(options.registry)}, container::default_disk_size, call);
  const auto pulled = Clock::now();
  overrides.exposed_ports = exposed_ports_of(options, image.config);
  const auto config = container::overridden(image.config, overrides);

  const auto folder = new_container_folder(options.store);
  container::ContainerOptions box_options{
      .image = image,
      .store = store,
      .folder = folder,
      .backend = make_backend(),
      .kernel = kernel,
      .overrides = overrides,
      .hostname = options.isolation.hostname,
      .cpu_count = options.cpus,
      .memory = memory,
      .isolation = isolation,
      .ports = ports_of(options, config)};
  apply(options.attachments, options.store, box_options);
  auto box = container::Container::create(box_options, call);
  box.start(call);
  copy_in(box, options, display, call);
  display.finish();
  show_ports(box, options, display);

  const auto ready = Clock::now();
  std::optional<agent::Process> process;
  try {
    process = box.exec({.args = container::command_of(config, options.command),
                        .env = options.env,
                        .working_directory = options.workdir,
                        .user = options.user,
                        .groups = options.isolation.groups,
                        .stdin_mode = options.interactive ? agent::Stdio::pipe : agent::Stdio::null,
                        .terminal = terminal},
                       call);
  } catch (const Error& error) {
    if (error.code() == Errc::cancelled) throw;
    std::fprintf(stderr, "vmkit: %s\n", error.what());
    return exit_status_of(error);
  }
  const auto running = Clock::now();

  std::optional<RawTerminal> raw;
  if (terminal) raw.emplace(*process);
  const agent::ExitStatus status = relay(*process, options.interactive, terminal.has_value(), call);
  raw.reset();
  if (options.timeline) {
    print_timeline(pulled - begin, disk.unpacked, box.timeline(), running - ready, running - begin);
  }
  copy_out(box, options, display, call);
  display.finish();
  box.stop(std::chrono::seconds(10), call);
  if (!options.commit.empty() && status == agent::ExitStatus{}) {
    commit(store, image, folder / "disk.ext4", options, display, call);
  }
  return status.exited() ? status.code : exit_signal_base + status.signal;
}

}  // namespace cli
