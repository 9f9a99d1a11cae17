// SPDX-License-Identifier: Apache-2.0
#include "launch/launch.hpp"

#include <chrono>

#include "containers/names.hpp"
#include "containers/search.hpp"
#include "images/pulling.hpp"
#include "launch/backend.hpp"
#include "launch/files.hpp"
#include "launch/kernel.hpp"
#include "program.hpp"

#include <vmkit/container/pull_and_unpack.hpp>

namespace cli {

namespace {

using namespace vmkit;

Architecture architecture_of(const oci::Platform& platform) {
  return platform.normalized().architecture == "arm64" ? Architecture::arm64 : Architecture::x86_64;
}

/// What the library is asked for. `kept`: the container outlives this program.
container::ContainerOptions container_options(const RunOptions& options,
                                              const oci::ImageStore& store, const oci::Image& image,
                                              const Entry& entry, bool kept) {
  auto overrides = overrides_of(options.isolation);
  overrides.exposed_ports = exposed_ports_of(options, image.config);
  const auto config = container::overridden(image.config, overrides);
  const std::string& hostname = options.isolation.hostname;
  container::ContainerOptions made{
      .image = image,
      .store = store,
      .folder = entry.folder,
      .backend = make_backend(),
      .kernel = find_kernel(architecture_of(image.platform), options.kernel, options.modules),
      .overrides = overrides,
      .hostname = hostname.empty() ? entry.id : hostname,
      .cpu_count = options.cpus,
      .memory = ByteSize::parse(options.memory),
      .isolation = isolation_of(options.isolation),
      .keep = kept,
      .ports = ports_of(options, config),
      .stop_signal = options.stop_signal};
  apply(options.attachments, options.store.folder(), made);
  return made;
}

std::string line_of(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

void require_kernel(const RunOptions& options) {
  find_kernel(architecture_of(platform_of(options.registry.platform)), options.kernel,
              options.modules);
}

FoundImage find_image(const RunOptions& options, oci::ImageStore& store, bool kept,
                      const CallOptions& call) {
  const auto platform = platform_of(options.registry.platform);
  if (options.pull != "always") {
    if (auto image = store.resolve(options.reference, platform)) return {std::move(*image)};
    if (options.pull == "never") {
      throw Error(Errc::not_found, "there is no image " + options.reference +
                                       " in the store; leave out --pull never, or `vmkit pull` it");
    }
  }
  const auto reference = oci::Reference::parse(options.reference);
  auto client = client_for(options.registry, reference);
  auto pulled = container::pull_and_unpack(client, store, reference, {.platform = platform},
                                           container::default_disk_size, kept, call);
  return {std::move(pulled.image), pulled.disk.unpacked.has_value()};
}

Launched make_container(const RunOptions& options, const std::vector<std::string>& arguments,
                        oci::ImageStore& store, const FoundImage& found, bool kept,
                        const CallOptions& call) {
  Entry entry;
  entry.id = random_id();
  entry.folder = containers_folder(options.store.folder()) / entry.id;
  entry.name = options.name;
  entry.arguments = arguments;
  entry.working_directory = std::filesystem::current_path();
  entry.image = found.image.reference.to_string();
  entry.manifest = found.image.descriptor;
  entry.remove_at_end = options.remove_at_end;
  entry.created = std::chrono::system_clock::now();
  const auto made = container_options(options, store, found.image, entry, kept);
  auto config = container::overridden(found.image.config, made.overrides);
  entry.command = line_of(container::command_of(config, options.command));
  auto box = container::Container::create(made, call);
  try {
    save_with_name(entry);
  } catch (...) {
    box.remove();
    throw;
  }
  return {std::move(entry), std::move(box), std::move(config), kept};
}

Launched reopen(const RunOptions& options, Entry entry) {
  const auto store = oci::ImageStore::open(options.store.folder());
  std::optional<oci::Image> image;
  try {
    image = store.load(oci::Reference::parse(entry.image), *entry.manifest);
  } catch (const Error& error) {
    throw error.with_context("the image of container " + entry.name +
                             " is not whole any more: pull it again");
  }
  const auto made = container_options(options, store, *image, entry, true);
  auto box = container::Container::open(made);
  auto config = container::overridden(image->config, made.overrides);
  return {std::move(entry), std::move(box), std::move(config), true};
}

agent::Process start_process(Launched& launched, const RunOptions& options,
                             std::optional<agent::TerminalSize> terminal, const CallOptions& call) {
  return launched.box.exec(
      {.args = container::command_of(launched.config, options.command),
       .env = options.env,
       .working_directory = options.workdir,
       .user = options.user,
       .groups = options.isolation.groups,
       .stdin_mode = options.interactive ? agent::Stdio::pipe : agent::Stdio::null,
       .terminal = terminal},
      call);
}

int exit_status_of(const Error& error) {
  return error.code() == Errc::not_found           ? exit_not_found
         : error.code() == Errc::permission_denied ? exit_not_executable
                                                   : exit_own_failure;
}

int exit_status_of(const agent::ExitStatus& status) {
  return status.exited() ? status.code : exit_signal_base + status.signal;
}

}  // namespace cli
