// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

/// A blob of a registry from `offset` on, for one who wants to read it: a thread fetches it, at
/// most 1 MiB ahead. Not verified. Honours the call's stop; client, repository and descriptor must
/// outlive it. Confined.
class BlobPipe : public Source {
 public:
  BlobPipe(RegistryClient& client, const Reference& repository, const Descriptor& descriptor,
           std::uint64_t offset, const CallOptions& call);
  ~BlobPipe() override;

  std::size_t read(std::span<std::byte> buffer) override;

 private:
  class Inlet;
  void close() noexcept;
  /// Waits for space, and returns how much of `data` it took; 0 once the pipe is closed.
  std::size_t put(std::span<const std::byte> data);
  void end(std::exception_ptr failure) noexcept;

  const CallOptions call_;
  StopSource stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::byte> ring_;
  std::size_t first_ = 0;
  std::size_t filled_ = 0;
  bool ended_ = false;   // no more comes in
  bool closed_ = false;  // no more is wanted
  std::exception_ptr failure_;
  std::thread fetcher_;
  StopCallback outer_stop_;
};

}  // namespace vmkit::oci
