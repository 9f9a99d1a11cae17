// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <utility>

#include "os/descriptor.hpp"
#include "vm/port_claim.hpp"

#include <vmkit/base/stream.hpp>

namespace vmkit::vm::qemu {

/// The unix socket behind one virtio port. QEMU serves one connection at a time and lets others
/// hang; here a second one is an error. Confined; the streams are on their own.
class PortListener {
 public:
  /// Listens at `path`, which must not exist.
  explicit PortListener(std::filesystem::path path);
  /// For a QEMU that has `path` from a former owner and listens there itself.
  struct Served {};
  PortListener(std::filesystem::path path, Served) : path_(std::move(path)) {}

  int fd() const noexcept { return listener_.get(); }

  /// Connects; QEMU may come later. failed_precondition while an earlier stream lives.
  std::unique_ptr<Stream> connect() const;

 private:
  std::filesystem::path path_;
  os::Descriptor listener_;
  std::shared_ptr<std::atomic<bool>> in_use_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace vmkit::vm::qemu
