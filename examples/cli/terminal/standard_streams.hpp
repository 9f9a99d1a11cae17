// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vmkit/base/stop.hpp>
#include <vmkit/base/stream.hpp>

namespace cli {

/// Our standard input; waiting for it ends when the program is to stop.
class StandardInput final : public vmkit::Source {
 public:
  explicit StandardInput(vmkit::StopToken stop) : stop_(std::move(stop)) {}
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  vmkit::StopToken stop_;
};

/// Our standard output, the same.
class StandardOutput final : public vmkit::Sink {
 public:
  explicit StandardOutput(vmkit::StopToken stop) : stop_(std::move(stop)) {}
  void write(std::span<const std::byte> data) override;

 private:
  vmkit::StopToken stop_;
};

}  // namespace cli
