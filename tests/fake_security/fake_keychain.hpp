// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vmkit::test {

struct FakeItem {
  std::string server;
  std::int32_t port = 0;
  std::string account;
  std::string password;
  std::string protocol = "https";  ///< Empty: none.
  std::string path = {};
};

/// The Keychain that the fake Security framework searches. One at a time, in one thread.
struct FakeKeychain {
  std::vector<FakeItem> items;
  int attributes_status = 0;  ///< OSStatus of searches that return attributes.
  int data_status = 0;        ///< The same of those that return a password.
  int password_reads = 0;

  FakeKeychain();
  /// Fails the test if an object is still referenced.
  ~FakeKeychain();
};

}  // namespace vmkit::test
