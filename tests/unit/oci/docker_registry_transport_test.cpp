// SPDX-License-Identifier: Apache-2.0
// How a real registry is reached: certificates of both sides, and HTTP/2.
#include <doctest/doctest.h>
#include <mutex>
#include <set>

#include "docker_registry_fixture.hpp"

#include <vmkit/oci/push.hpp>

using namespace vmkit;
using namespace vmkit::oci;
using namespace vmkit::test;

namespace {

constexpr auto tools = {"docker-registry", "openssl"};

/// Keeps the versions of HTTP that the client logs.
class VersionLog : public LogSink {
 public:
  void write(const LogRecord& record) noexcept override {
    const std::lock_guard lock(mutex_);
    for (const LogField& field : record.fields) {
      if (field.key == "http") versions_.insert(std::string(field.value));
    }
  }
  std::set<std::string> versions() const {
    const std::lock_guard lock(mutex_);
    return versions_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> versions_;
};

}  // namespace

TEST_CASE("docker-registry: a push over TLS speaks HTTP/2, over plain HTTP 1.1") {
  if (!has_programs(tools)) return;
  for (const bool tls : {true, false}) {
    CAPTURE(tls);
    DockerRegistryFixture with({.tls = tls});
    RegistryClientOptions options;
    const auto log = std::make_shared<VersionLog>();
    options.log = log;
    if (tls) options.defaults.ca_file = with.registry.ca_file();
    options.defaults.plain_http = !tls;
    RegistryClient client(options);
    const auto target = with.at("app:1");
    push(client, with.store, with.name, target, {.chunk_size = ByteSize(1'000'000)});
    CHECK(client.fetch_manifest(target).content == with.image.manifest.content);
    CHECK(log->versions() == std::set<std::string>{tls ? "2" : "1.1"});
  }
}

TEST_CASE("docker-registry: any certificate, only when asked, only for this registry") {
  if (!has_programs(tools)) return;
  DockerRegistryFixture with({.tls = true});
  const auto target = with.at("app:1");
  RegistryClientOptions options;
  options.retry.attempts = 1;
  options.hosts["other.example"].accept_any_certificate = true;
  RegistryClient careful(options);
  check_error(Errc::unavailable, {"certificate", "ca_file"},
              [&] { push(careful, with.store, with.name, target); });
  options.hosts[with.registry.address()].accept_any_certificate = true;
  RegistryClient client(options);
  push(client, with.store, with.name, target);
  CHECK(client.has_manifest(target, with.image.manifest.digest()));
}

TEST_CASE("docker-registry: a client certificate: none, one, and a file that is none") {
  if (!has_programs(tools)) return;
  DockerRegistryFixture with({.tls = true, .client_certificates = true});
  const auto target = with.at("app:1");
  RegistryClientOptions options;
  options.retry.attempts = 1;
  RegistryHostOptions& host = options.hosts[with.registry.address()];
  host.ca_file = with.registry.ca_file();
  RegistryClient nobody(options);
  // In TLS 1.3 the client may learn of it only by a connection that is closed, without a reason.
  check_error(Errc::unavailable, {with.registry.address(), "app:1"},
              [&] { push(nobody, with.store, with.name, target); });

  host.client_certificate = with.registry.client_certificate();
  host.client_key = with.registry.client_key();
  RegistryClient client(options);
  push(client, with.store, with.name, target);
  CHECK(client.has_manifest(target, with.image.manifest.digest()));

  host.client_key = with.registry.ca_file();
  RegistryClient mistaken(options);
  check_error(Errc::invalid_argument, {"client_certificate and client_key"},
              [&] { mistaken.fetch_manifest(target); });
}
