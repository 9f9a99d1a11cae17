// SPDX-License-Identifier: Apache-2.0
#include "support/docker_registry.hpp"

#include <chrono>
#include <doctest/doctest.h>
#include <thread>

#include "os/file.hpp"
#include "support/programs.hpp"

namespace vmkit::test {
namespace {

/// An authority, ca.pem, and a certificate for loopback that it signed.
void make_certificates(const std::filesystem::path& folder) {
  const auto make = [&](const std::string& subject, const std::string& name, const std::string& key,
                        const std::vector<std::string>& more) {
    std::vector<std::string> command = {"openssl",
                                        "req",
                                        "-x509",
                                        "-newkey",
                                        "ec",
                                        "-pkeyopt",
                                        "ec_paramgen_curve:P-256",
                                        "-nodes",
                                        "-days",
                                        "2",
                                        "-subj",
                                        subject,
                                        "-keyout",
                                        (folder / key).string(),
                                        "-out",
                                        (folder / name).string()};
    command.insert(command.end(), more.begin(), more.end());
    run_program(std::move(command));
  };
  make("/CN=vmkit test authority", "ca.pem", "ca-key.pem", {});
  make("/CN=127.0.0.1", "certificate.pem", "key.pem",
       {"-CA", (folder / "ca.pem").string(), "-CAkey", (folder / "ca-key.pem").string(), "-addext",
        "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"});
  make("/CN=vmkit test client", "client.pem", "client-key.pem",
       {"-CA", (folder / "ca.pem").string(), "-CAkey", (folder / "ca-key.pem").string(), "-addext",
        "extendedKeyUsage=clientAuth", "-addext", "basicConstraints=critical,CA:FALSE"});
}

}  // namespace

DockerRegistry::DockerRegistry(const Options& options)
    : folder_(std::filesystem::temp_directory_path(), "vmkit-registry") {
  const auto& folder = folder_.path();
  std::string config =
      "version: 0.1\n"
      "log: {level: info, accesslog: {disabled: true}}\n"
      "storage:\n"
      "  delete: {enabled: true}\n"
      "  filesystem: {rootdirectory: " +
      (folder / "storage").string() + "}\n";
  if (!options.username.empty()) {
    const auto passwords = folder / "htpasswd";
    os::write_file_atomically(
        passwords, run_program({"htpasswd", "-nbB", options.username, options.password}), 0600);
    config += "auth: {htpasswd: {realm: test, path: " + passwords.string() + "}}\n";
  }
  if (!options.redirect_blobs_to.empty()) {
    config += "middleware: {storage: [{name: redirect, options: {baseurl: \"" +
              options.redirect_blobs_to + "\"}}]}\n";
  }
  if (const TokenServer* tokens = options.tokens) {
    config += "auth: {token: {realm: \"" + tokens->realm() + "\", service: \"" + tokens->service() +
              "\", issuer: \"" + tokens->issuer() +
              "\", rootcertbundle: " + tokens->certificate().string() + "}}\n";
  }
  config += "http:\n  addr: 127.0.0.1:0\n  secret: test\n";
  if (options.tls) {
    const std::string certificate = (folder / "certificate.pem").string();
    const std::string key = (folder / "key.pem").string();
    make_certificates(folder);
    config += "  tls: {certificate: " + certificate + ", key: " + key;
    if (options.client_certificates) config += ", clientcas: [" + ca_file().string() + "]";
    config += "}\n";
  }
  os::write_file_atomically(folder / "config.yml", config);
  const os::File log = os::File::open(folder / "log", os::File::Mode::create_new);
  process_ = os::ChildProcess::spawn(
      {.arguments = {"docker-registry", "serve", (folder / "config.yml").string()},
       .stdout_fd = log.fd(),
       .stderr_fd = log.fd(),
       .die_with_parent_thread = true});
  address_ = wait_until_it_listens();
}

std::string DockerRegistry::wait_until_it_listens() {
  using namespace std::chrono_literals;
  const std::string mark = "listening on ";
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  for (;;) {
    const std::string log = os::read_file(folder_.path() / "log", 1_MiB);
    const std::size_t at = log.find(mark);
    if (at != std::string::npos) {
      const std::size_t end = log.find_first_of(",\"", at);
      if (end != std::string::npos) return log.substr(at + mark.size(), end - at - mark.size());
    }
    INFO("docker-registry: ", log);
    REQUIRE(!process_->poll());
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::this_thread::sleep_for(10ms);
  }
}

}  // namespace vmkit::test
