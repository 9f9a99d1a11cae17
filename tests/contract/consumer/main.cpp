// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <vmkit/vmkit.hpp>

int main() {
  const auto reference = vmkit::oci::Reference::parse("alpine");
  std::puts(reference.to_string().c_str());
  return reference.to_string() == "docker.io/library/alpine:latest" ? 0 : 1;
}
