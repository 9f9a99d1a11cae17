// SPDX-License-Identifier: Apache-2.0
// A process that uses a store, for tests that kill it or run several:
//   store_worker pull  STORE REFERENCE FAULT N   pulls, with a fault in the Nth call that changes
//   files store_worker churn STORE REFERENCE COUNT     pulls, looks whether all is there, removes;
//   COUNT times
//   store_worker layer STORE REFERENCE FAULT N   puts a layer upon the image and calls the result
//   localhost/new:1, with a fault as above
// Prints "ok CALLS" and exits with 0, or prints the error's code and message and exits with 3.
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "support/fault_calls.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/add_layer.hpp>
#include <vmkit/oci/pull.hpp>

using namespace vmkit;

namespace {

oci::RegistryClientOptions client_options() {
  oci::RegistryClientOptions options;
  options.defaults.plain_http = true;
  options.user_agent = "worker";
  return options;
}

const oci::PullOptions amd64{.platform = {"linux", "amd64"}};

void pull(const std::string& root, const oci::Reference& reference) {
  oci::ImageStore store = oci::ImageStore::open(root);
  oci::RegistryClient client(client_options());
  oci::pull(client, store, reference, amd64);
}

void add_layer(const std::string& root, const oci::Reference& reference) {
  oci::ImageStore store = oci::ImageStore::open(root);
  const auto base = store.resolve(reference, amd64.platform);
  if (!base) throw Error(Errc::not_found, "no image");
  const std::string content(30'000, 'x');
  oci::add_layer(store, *base, oci::Reference::parse("localhost/new:1"), {.write = [&](Sink& tar) {
                   tar.write(std::as_bytes(std::span(content)));
                   return true;
                 }});
}

void churn(const std::string& root, const oci::Reference& reference, int count) {
  oci::ImageStore store = oci::ImageStore::open(root);
  oci::RegistryClient client(client_options());
  for (int i = 0; i < count; ++i) {
    const oci::Image image = oci::pull(client, store, reference, amd64);
    for (const oci::Descriptor& layer : image.manifest.layers) {
      if (!store.verify_blob(layer)) throw Error(Errc::data_corruption, "a layer is gone");
    }
    store.remove(reference);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string command = argc > 4 ? argv[1] : "";
  const auto reference = oci::Reference::parse(argc > 4 ? argv[3] : "none");
  if ((command == "pull" || command == "layer") && argc == 6) {
    const std::map<std::string, test::CallFault> faults = {
        {"none", test::CallFault::none},
        {"kill", test::CallFault::kill},
        {"torn", test::CallFault::torn},
        {"full_disk", test::CallFault::full_disk},
        {"io_error", test::CallFault::io_error}};
    test::arm_call_fault(faults.at(argv[4]), static_cast<unsigned>(std::stoul(argv[5])));
    (command == "pull" ? pull : add_layer)(argv[2], reference);
  } else if (command == "churn" && argc == 5) {
    churn(argv[2], reference, std::stoi(argv[4]));
  } else {
    return 2;
  }
  const unsigned calls = test::counted_calls();
  test::arm_call_fault(test::CallFault::none, 0);
  std::printf("ok %u\n", calls);
} catch (const Error& error) {
  test::arm_call_fault(test::CallFault::none, 0);
  std::printf("%s: %s\n", std::string(to_string(error.code())).c_str(), error.what());
  return 3;
}
