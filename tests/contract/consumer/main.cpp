// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdio>
#include <span>
#include <typeinfo>

#include <vmkit/vmkit.hpp>

namespace {

// What vmkit throws is caught here, by its type.
bool catches_error() {
  try {
    vmkit::oci::Reference::parse("Not A Reference");
  } catch (const vmkit::Error& error) {
    return error.code() == vmkit::Errc::invalid_argument && typeid(error) == typeid(vmkit::Error);
  }
  return false;
}

// What a class of ours throws passes through vmkit, which catches and rethrows vmkit::Error.
class Broken : public vmkit::Source {
 public:
  std::size_t read(std::span<std::byte>) override {
    throw vmkit::Error(vmkit::Errc::unavailable, "broken on purpose");
  }
};

bool passes_error() {
  Broken broken;
  try {
    vmkit::archive::TarReader reader(broken);
    reader.next();
  } catch (const vmkit::Error& error) {
    return error.code() == vmkit::Errc::unavailable;
  }
  return false;
}

}  // namespace

int main() {
  const auto reference = vmkit::oci::Reference::parse("alpine");
  std::puts(reference.to_string().c_str());
  if (reference.to_string() != "docker.io/library/alpine:latest") return 1;
  if (!catches_error()) return std::puts("vmkit's error was not caught as vmkit::Error"), 1;
  if (!passes_error()) return std::puts("our error did not pass through vmkit"), 1;
  return 0;
}
