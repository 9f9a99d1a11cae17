// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <vmkit/archive/read_ahead.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stop.hpp>
#include <vmkit/rootfs/layer.hpp>

namespace vmkit::rootfs {

/// What messages and progress call the layer.
std::string name_of(const Layer& layer);

/// The uncompressed archive of one layer, read, decompressed and hashed ahead on threads of its
/// own from construction on. The layer must outlive it.
class LayerStream {
 public:
  LayerStream(const Layer& layer, std::optional<ByteSize> content_limit,
              std::shared_ptr<archive::BufferPool> pool, const CallOptions& call_options);
  ~LayerStream();

  archive::ReadAhead& content() { return content_; }
  std::uint64_t compressed_bytes_read() const { return *compressed_bytes_; }

  /// Throws data_corruption unless the content, read to its end, has the layer's diffID.
  void verify();

 private:
  const Layer& layer_;
  std::shared_ptr<std::atomic<std::uint64_t>> compressed_bytes_;
  StopCallback on_stop_;
  archive::ReadAhead content_;
};

}  // namespace vmkit::rootfs
