// SPDX-License-Identifier: Apache-2.0
// microvm: machines of one's own from container images, without a daemon. See README.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "library.hpp"
#include "running.hpp"

namespace {

using namespace vmkit;
using microvm::Library;

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      std::printf("%-*s%s", last ? 0 : static_cast<int>(widths[i]), row[i].c_str(),
                  last ? "\n" : "  ");
    }
  }
}

void pull_image(Library& library, const std::string& name, bool plain_http) {
  oci::RegistryClient registry({.defaults = {.plain_http = plain_http}});
  const auto image = oci::pull(registry, library.images(), oci::Reference::parse(name));
  std::printf("%s\n", image.descriptor.digest.to_string().c_str());
}

void list_images(Library& library) {
  std::vector<std::vector<std::string>> rows = {{"IMAGE", "DIGEST"}};
  for (const auto& record : library.images().list()) {
    rows.push_back({record.name, record.manifest.digest.to_string()});
  }
  print_table(rows);
}

void list_machines(Library& library, bool json) {
  auto all = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {{"NAME", "STATE", "CPUS", "MEMORY"}};
  for (const auto& entry : library.list()) {
    const char* state = entry.process.empty() ? "stopped" : "running";
    rows.push_back({entry.name, state, std::to_string(entry.config.cpu_count),
                    to_string(entry.config.memory)});
    all.push_back({{"name", entry.name},
                   {"state", state},
                   {"cpus", entry.config.cpu_count},
                   {"memory", entry.config.memory.bytes()}});
  }
  if (json) {
    std::puts(all.dump(2).c_str());
  } else {
    print_table(rows);
  }
}

void show_usage(Library& library, bool json) {
  const disk::UsageReport report = disk::usage(library.disks());
  auto all = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {{"EXCLUSIVE", "SHARED", "SIZE", "DISK"}};
  for (const disk::DiskUsage& one : report.disks) {
    rows.push_back(
        {to_string(one.exclusive), to_string(one.shared), to_string(one.size), one.path.string()});
    all.push_back({{"disk", one.path.string()},
                   {"size", one.size.bytes()},
                   {"exclusive", one.exclusive.bytes()},
                   {"shared", one.shared.bytes()}});
  }
  if (json) {
    std::puts(nlohmann::json{{"disks", all}, {"total", report.total.bytes()}}.dump(2).c_str());
    return;
  }
  print_table(rows);
  std::printf("together %s\n", to_string(report.total).c_str());
}

std::string default_home() {
  const char* data = std::getenv("XDG_DATA_HOME");
  const char* home = std::getenv("HOME");
  if (data != nullptr && *data != '\0') return std::string(data) + "/microvm";
  return std::string(home != nullptr ? home : ".") + "/.local/share/microvm";
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app("Machines of one's own from container images, without a daemon.", "microvm");
  app.require_subcommand(1);
  std::string home = default_home();
  app.add_option("--home", home, "Where images and machines are")->capture_default_str();
  bool json = false;
  std::string name;
  std::string other;
  int status = 0;
  const auto library = [&] { return Library(home); };

  auto* images = app.add_subcommand("image", "Images that machines are made of");
  images->require_subcommand(1);
  bool plain_http = false;
  auto* pull = images->add_subcommand("pull", "Fetch an image from a registry");
  pull->add_option("REF", name)->required();
  pull->add_flag("--plain-http", plain_http, "The registry has no TLS");
  pull->callback([&] {
    auto opened = library();
    pull_image(opened, name, plain_http);
  });
  images->add_subcommand("list", "Those that are here")->callback([&] {
    auto opened = library();
    list_images(opened);
  });

  auto* machines = app.add_subcommand("vm", "Machines");
  machines->require_subcommand(1);
  microvm::NewMachine wanted;
  std::string memory = "256M";
  std::string disk = "8G";
  container::Kernel kernel;
  auto* create =
      machines->add_subcommand("create", "Make a machine: its disk is a clone of the image's");
  create->add_option("NAME", wanted.name)->required();
  create->add_option("IMAGE", wanted.image)->required();
  create->add_option("--kernel", kernel.image, "The kernel it boots")->required();
  create->add_option("--modules", kernel.modules, "The folder with the kernel's modules.dep");
  create->add_option("--cpus", wanted.cpu_count)->capture_default_str();
  create->add_option("--memory", memory)->capture_default_str();
  create->add_option("--disk", disk)->capture_default_str();
  create->callback([&] {
    wanted.memory = ByteSize::parse(memory);
    wanted.disk_size = ByteSize::parse(disk);
    library().create(wanted, kernel);
  });
  const auto on_machine = [&](const char* command, const char* help, auto action) {
    auto* sub = machines->add_subcommand(command, help);
    sub->add_option("NAME", name)->required();
    sub->callback([&, action] {
      auto opened = library();
      action(opened);
    });
    return sub;
  };
  on_machine("start", "Boot a machine and leave it running",
             [&](Library& opened) { microvm::start(opened, name); });
  on_machine("stop", "Switch a machine off", [&](Library& opened) { microvm::stop(opened, name); });
  on_machine("delete", "Remove a machine and its disk",
             [&](Library& opened) { opened.remove(name); });
  on_machine("fork", "Another machine like a stopped one, sharing its disk's blocks",
             [&](Library& opened) { opened.fork(name, other); })
      ->add_option("COPY", other)
      ->required();
  std::vector<std::string> command;
  on_machine("exec", "Run a command in a machine that runs",
             [&](Library& opened) { status = microvm::exec(opened, name, command); })
      ->add_option("COMMAND", command)
      ->required();
  auto* list = machines->add_subcommand("list", "All machines");
  list->add_flag("--json", json);
  list->callback([&] {
    auto opened = library();
    list_machines(opened, json);
  });

  auto* storage = app.add_subcommand("storage", "What machines take of the disk");
  storage->require_subcommand(1);
  auto* usage =
      storage->add_subcommand("usage", "Of each disk, what it has for itself and what it shares");
  usage->add_flag("--json", json);
  usage->callback([&] {
    auto opened = library();
    show_usage(opened, json);
  });

  CLI11_PARSE(app, argc, argv);
  return status;
} catch (const vmkit::Error& error) {
  std::fprintf(stderr, "microvm: %s\n", error.what());
  return 125;
}
