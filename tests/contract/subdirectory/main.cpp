// SPDX-License-Identifier: Apache-2.0
#include <vmkit/base/error.hpp>

int main() {
  try {
    throw vmkit::Error(vmkit::Errc::not_found, "nothing here");
  } catch (const vmkit::Error& error) {
    return error.code() == vmkit::Errc::not_found ? 0 : 1;
  }
}
