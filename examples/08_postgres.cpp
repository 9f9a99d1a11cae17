// SPDX-License-Identifier: Apache-2.0
// Runs PostgreSQL in a container, its data on a volume, and leads a port of this machine to it
// until Enter is pressed; the data is there again the next time:
//   08_postgres KERNEL MODULES IMAGE [PORT]
// IMAGE is one of Debian with the package postgresql (scripts/make-service-image makes one).
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <vmkit/vmkit.hpp>

using namespace vmkit;
using namespace std::chrono_literals;

namespace {

constexpr const char* prepare = R"(
  mkdir -p /run/postgresql && chown postgres: /run/postgresql
  test -e /var/lib/postgresql/data/PG_VERSION ||
    su postgres -c '/usr/lib/postgresql/*/bin/initdb -A trust -D /var/lib/postgresql/data')";
constexpr const char* serve = "exec /usr/lib/postgresql/*/bin/postgres -D /var/lib/postgresql/data";

constexpr const char* is_ready = "/usr/lib/postgresql/*/bin/pg_isready -q";

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) return std::fputs("usage: 08_postgres KERNEL MODULES IMAGE [PORT]\n", stderr), 2;
  const auto port = static_cast<std::uint16_t>(argc > 4 ? std::atoi(argv[4]) : 5432);
  auto store = oci::ImageStore::open("vmkit-store");
  const auto reference = oci::Reference::parse(argv[3]);
  const bool local = reference.registry().starts_with("127.0.0.1:");
  oci::RegistryClient registry({.defaults = {.plain_http = local}});
  container::ContainerOptions options{.image = oci::pull(registry, store, reference),
                                      .store = store,
                                      .folder = "vmkit-postgres",
                                      .backend = vm::make_qemu_backend(),
                                      .kernel = {.image = argv[1], .modules = argv[2]}};
  options.memory = 768_MiB;
  // The volume outlives the container; if it is new it gets what the image has there.
  options.volumes_folder = "vmkit-volumes";
  options.volume_mounts = {{.volume = "postgres", .target = "/var/lib/postgresql"}};
  // The port is taken before anything boots: if it is in use, that is an error at once.
  options.ports = {{.host = agent::Endpoint::tcp(port), .guest = agent::Endpoint::tcp(5432)}};
  auto box = container::Container::create(options);
  box.start();

  auto preparing = box.exec({.args = {"sh", "-c", prepare}, .stdout_mode = agent::Stdio::null});
  if (preparing.wait().code != 0) return std::fputs("initdb failed\n", stderr), 1;
  auto server = box.exec({.args = {"sh", "-c", serve},
                          .user = "postgres",
                          .stdout_mode = agent::Stdio::null,
                          .stderr_mode = agent::Stdio::null});
  // It listens a little before it answers, so that asking for a connection would not do.
  box.wait_ready({container::ExecProbe{{.args = {"sh", "-c", is_ready}}}},
                 CallOptions{}.with_timeout(60s));

  std::printf("psql -h 127.0.0.1 -p %u -U postgres\nEnter ends it.\n",
              box.ports().front().host.port);
  std::fflush(stdout);
  std::getchar();
  server.signal("INT");  // PostgreSQL's fast shutdown
  server.wait(CallOptions{}.with_timeout(30s));
  box.stop();
} catch (const Error& error) {
  std::fprintf(stderr, "08_postgres: %s\n", error.what());
  return 125;
}
