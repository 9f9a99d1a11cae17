// SPDX-License-Identifier: Apache-2.0
// workbench: a database, a notebook server and an editor server in one machine, their ports on this
// one, their data on volumes. See README.md.
//   workbench KERNEL MODULES IMAGE FOLDER [TOKEN]
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include <vmkit/vmkit.hpp>

using namespace vmkit;
using namespace std::chrono_literals;

namespace {

struct Service {
  const char* name;
  std::string user;
  std::string command;  ///< For a shell; runs as long as the workbench does.
  std::uint16_t port;
  container::Probe ready;
  const char* usage;  ///< For printf, with the port.
};

/// What is done once before anything runs: users and folders on the volumes, which are new the
/// first time.
constexpr const char* prepare = R"(
  set -e
  id dev >/dev/null 2>&1 || useradd --shell /bin/bash --home-dir /home/dev dev
  chown dev: /home/dev
  mkdir -p /run/postgresql && chown postgres: /run/postgresql
  test -e /var/lib/postgresql/data/PG_VERSION ||
    su postgres -c '/usr/lib/postgresql/*/bin/initdb -A trust -D /var/lib/postgresql/data')";

container::Probe shell_probe(const char* command) {
  return {container::ExecProbe{{.args = {"sh", "-c", command}}}};
}

std::vector<Service> services(const std::string& token) {
  return {{.name = "database",
           .user = "postgres",
           .command = "exec /usr/lib/postgresql/*/bin/postgres -D /var/lib/postgresql/data",
           .port = 5432,
           .ready = shell_probe("/usr/lib/postgresql/*/bin/pg_isready -q"),
           .usage = "psql -h 127.0.0.1 -p %u -U postgres\n"},
          {.name = "notebook",
           .user = "dev",
           .command = "cd && exec jupyter notebook --no-browser --ip=127.0.0.1 --port=8888 "
                      "--NotebookApp.token='" +
                      token + "'",
           .port = 8888,
           .ready = {container::HttpProbe{.port = 8888, .path = "/api"}},
           .usage = "http://127.0.0.1:%u/\n"},
          {.name = "editor",
           .user = "dev",
           .command = "cd && exec nvim --headless --listen 127.0.0.1:6666",
           .port = 6666,
           .ready = {container::TcpProbe{6666}},
           .usage = "nvim --server 127.0.0.1:%u --remote-send ':edit notes<CR>'\n"}};
}

container::ContainerOptions options(char** argv, const std::vector<Service>& wanted) {
  const std::filesystem::path folder = argv[4];
  auto store = oci::ImageStore::open(folder / "images");
  const auto reference = oci::Reference::parse(argv[3]);
  auto image = store.resolve(reference);
  if (!image) {
    const bool local = reference.registry().starts_with("127.0.0.1:");
    oci::RegistryClient registry({.defaults = {.plain_http = local}});
    image = container::pull_and_unpack(registry, store, reference).image;
  }
  container::ContainerOptions options{.image = *image,
                                      .store = store,
                                      .folder = folder / "machine",
                                      .backend = vm::make_qemu_backend(),
                                      .kernel = {.image = argv[1], .modules = argv[2]}};
  options.hostname = "workbench";
  options.cpu_count = 2;
  options.memory = 2_GiB;
  options.network = true;
  // The machine goes with the program; what was worked on stays.
  options.volumes_folder = folder / "volumes";
  options.volume_mounts = {{.volume = "database", .target = "/var/lib/postgresql"},
                           {.volume = "home", .target = "/home/dev"}};
  for (const Service& service : wanted) {
    options.ports.push_back(
        {.host = agent::Endpoint::tcp(0), .guest = agent::Endpoint::tcp(service.port)});
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) {
    return std::fputs("usage: workbench KERNEL MODULES IMAGE FOLDER [TOKEN]\n", stderr), 2;
  }
  const auto wanted = services(argc > 5 ? argv[5] : "");
  container::Container::remove_abandoned(argv[4]);  // what a killed one left
  auto box = container::Container::create(options(argv, wanted));
  box.start();
  auto preparing = box.exec({.args = {"sh", "-c", prepare}, .stdout_mode = agent::Stdio::null});
  if (preparing.wait().code != 0) {
    throw Error(Errc::failed_precondition,
                "the volumes could not be prepared: is this the image "
                "that README.md tells how to make?");
  }

  // All at once; each is told when it answers.
  std::deque<agent::Process> running;
  for (const Service& service : wanted) {
    running.push_back(box.exec({.args = {"sh", "-c", service.command},
                                .user = service.user,
                                .stdout_mode = agent::Stdio::null,
                                .stderr_mode = agent::Stdio::null}));
  }
  const auto ports = box.ports();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    box.wait_ready(wanted[i].ready, CallOptions{}.with_timeout(3min));
    std::printf("%s: ", wanted[i].name);
    std::printf(wanted[i].usage, ports[i].host.port);
    std::fflush(stdout);
  }
  std::puts("Enter ends it.");
  std::fflush(stdout);
  std::getchar();
  running[0].signal("INT");  // PostgreSQL's fast shutdown; the others are stopped with the box
  running[0].wait(CallOptions{}.with_timeout(30s));
  box.stop();
} catch (const Error& error) {
  std::fprintf(stderr, "workbench: %s\n", error.what());
  return 125;
}
