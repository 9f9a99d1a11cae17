// SPDX-License-Identifier: Apache-2.0
#include "rootfs/layer_stream.hpp"

#include <utility>

#include <vmkit/base/error.hpp>

namespace vmkit::rootfs {
namespace {

constexpr std::size_t compressed_buffers = 8;  // of 256 KiB

using Counter = std::shared_ptr<std::atomic<std::uint64_t>>;

/// The layer's bytes as they come: opened by the thread that reads them, counted, stoppable.
class CompressedLayer final : public Source {
 public:
  CompressedLayer(const Layer& layer, Counter counter, CallOptions options)
      : layer_(layer), counter_(std::move(counter)), options_(std::move(options)) {}

  std::size_t read(std::span<std::byte> buffer) override {
    options_.check("read layer " + name_of(layer_));
    if (!source_) source_ = layer_.open();
    if (!source_) throw Error(Errc::invalid_argument, "the layer's open() gave no source");
    const std::size_t count = source_->read(buffer);
    counter_->fetch_add(count, std::memory_order_relaxed);
    return count;
  }

 private:
  const Layer& layer_;
  Counter counter_;
  CallOptions options_;
  std::unique_ptr<Source> source_;
};

/// Reading has a thread of its own too: a Source may verify what it reads, or wait for it.
std::unique_ptr<Source> open(const Layer& layer, std::optional<ByteSize> limit, Counter counter,
                             const CallOptions& call_options) {
  const CallOptions quiet{call_options.stop, {}, call_options.deadline};
  auto compressed = std::make_unique<CompressedLayer>(layer, std::move(counter), quiet);
  const archive::DecompressOptions options{.compression = layer.compression, .output_limit = limit};
  if (layer.compression == archive::Compression::none) {
    return archive::decompress(std::move(compressed), options);
  }
  return archive::decompress(
      std::make_unique<archive::ReadAhead>(
          std::move(compressed), archive::ReadAheadOptions{.buffers = compressed_buffers}, quiet),
      options);
}

void abandon(const Layer& layer) {
  if (layer.abandon) layer.abandon();
}

}  // namespace

std::string name_of(const Layer& layer) {
  return layer.name.empty() ? layer.diff_id.to_string() : layer.name;
}

LayerStream::LayerStream(const Layer& layer, std::optional<ByteSize> content_limit,
                         std::shared_ptr<archive::BufferPool> pool, const CallOptions& call_options)
    : layer_(layer),
      compressed_bytes_(std::make_shared<std::atomic<std::uint64_t>>(0)),
      on_stop_(call_options.stop, [&layer] { abandon(layer); }),
      content_(open(layer, content_limit, compressed_bytes_, call_options),
               {.pool = std::move(pool), .digest = layer.diff_id.algorithm()}, call_options) {}

LayerStream::~LayerStream() {
  abandon(layer_);  // before the threads that read it are waited for
}

void LayerStream::verify() {
  const Digest found = content_.digest();
  if (found == layer_.diff_id) return;
  throw Error(Errc::data_corruption, "the content does not have its diffID: expected " +
                                         layer_.diff_id.to_string() + ", found " +
                                         found.to_string());
}

}  // namespace vmkit::rootfs
