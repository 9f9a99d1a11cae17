// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "rootfs/held_superblock.hpp"
#include "rootfs/layer_applier.hpp"
#include "rootfs/layer_stream.hpp"
#include "rootfs/unpack_upon.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/clone.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/rootfs/unpack.hpp>

namespace vmkit::rootfs {
namespace {

using Clock = std::chrono::steady_clock;

/// Layers are decompressed and hashed ahead, so that no processor waits while one layer is at its
/// end and for the disk. Of 512 KiB: 6 MiB for each and 64 MiB for those ahead.
constexpr std::size_t layers_ahead = 2;
constexpr std::size_t own_buffers = 12;
constexpr std::size_t shared_buffers = 128;

/// 16 bytes that depend on nothing but the purpose and the lowest layer, marked as a UUID of
/// version 8 (RFC 9562: made by a rule of one's own).
std::array<std::byte, 16> derive_uuid(std::string_view purpose, const Digest& lowest) {
  std::string text(purpose);  // in steps: GCC 12 sees an overread in a sum
  text += ' ';
  text += lowest.to_string();
  const Digest digest = digest_of(text);
  std::array<std::byte, 16> uuid;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    uuid[i] = static_cast<std::byte>(std::stoul(digest.hex().substr(2 * i, 2), nullptr, 16));
  }
  uuid[6] = (uuid[6] & std::byte{0x0f}) | std::byte{0x80};
  uuid[8] = (uuid[8] & std::byte{0x3f}) | std::byte{0x80};
  return uuid;
}

class Unpacking {
 public:
  Unpacking(std::span<const Layer> layers, std::size_t applied, ext4::Filesystem tree,
            BlockDevice& device, const UnpackOptions& options, const CallOptions& call_options)
      : layers_(layers),
        applied_(applied),
        started_(applied),
        device_(device),
        options_(options),
        call_(call_options),
        result_{.chain_id = chain_id(layers), .reused_layers = applied},
        tree_(std::move(tree)),
        applier_(tree_, applied, options.limits, [this] { tick(); }) {}

  UnpackResult run(const AfterLayer& after_layer) {
    for (std::size_t index = applied_; index < layers_.size(); ++index) {
      const auto start = Clock::now();
      try {
        run_layer(index);
      } catch (const Error& error) {
        if (callback_failure_) std::rethrow_exception(callback_failure_);
        throw error.with_context("layer " + name_of(layers_[index]));
      }
      result_.layers_time += Clock::now() - start;
      commit();
      if (after_layer) after_layer(index + 1);
    }
    result_.entries = applier_.entries();
    result_.content = ByteSize(applier_.content_bytes());
    result_.skipped_xattrs = applier_.skipped_xattrs();
    return result_;
  }

 private:
  void run_layer(std::size_t index) {
    while (started_ < layers_.size() && streams_.size() <= layers_ahead) {
      streams_.push_back(std::make_unique<LayerStream>(
          layers_[started_++], options_.limits.layer_content, buffers_, call_));
    }
    const std::unique_ptr<LayerStream> stream = std::move(streams_.front());
    streams_.pop_front();
    const Layer& layer = layers_[index];
    ProgressMeter meter(call_.progress, "unpack", name_of(layer), ProgressUnit::bytes,
                        layer.compressed_size.bytes());
    stream_ = stream.get();
    meter_ = &meter;
    archive::TarReader reader(stream->content());
    try {
      applier_.apply(reader);
    } catch (const Error& error) {
      if (applier_.failed_in_tree() && is_full(error)) throw too_small(error);
      throw;
    }
    stream->verify();
    tick();
    report([&] { meter.flush(); });
    result_.compressed = result_.compressed + ByteSize(stream->compressed_bytes_read());
  }

  void tick() {
    call_.check("unpack");
    report([&] { meter_->set(stream_->compressed_bytes_read()); });
  }

  /// What the caller's callback throws goes back as it is.
  template <class Call>
  void report(Call call) {
    try {
      call();
    } catch (...) {
      callback_failure_ = std::current_exception();
      throw;
    }
  }

  /// Whether it is the image that is full; when the host's disk is, the error has its number.
  static bool is_full(const Error& error) {
    return error.code() == Errc::resource_exhausted && !error.native();
  }

  Error too_small(const Error& error) const {
    const ByteSize least(std::max(applier_.least_size(), device_.size().bytes() + 1));
    return Error(Errc::resource_exhausted,
                 "an image of " + to_string(device_.size()) + " is too small, at least " +
                     to_string(least) + " are needed up to here: unpack with a larger size (" +
                     error.what() + ")");
  }

  void commit() {
    const auto start = Clock::now();
    try {
      tree_.commit(ext4::CommitMode::in_place, {call_.stop, {}, call_.deadline});
    } catch (const Error& error) {
      if (is_full(error)) throw too_small(error);
      throw;
    }
    result_.commit_time += Clock::now() - start;
  }

  std::span<const Layer> layers_;
  std::size_t applied_;
  std::size_t started_;  // layers, to be read
  BlockDevice& device_;
  const UnpackOptions& options_;
  const CallOptions& call_;
  UnpackResult result_;
  ext4::Filesystem tree_;
  LayerApplier applier_;
  std::shared_ptr<archive::BufferPool> buffers_ = std::make_shared<archive::BufferPool>(
      archive::BufferPoolOptions{.own_buffers = own_buffers, .shared_buffers = shared_buffers});
  std::deque<std::unique_ptr<LayerStream>> streams_;  // of the layers after the present one
  LayerStream* stream_ = nullptr;
  ProgressMeter* meter_ = nullptr;
  std::exception_ptr callback_failure_;
};

}  // namespace

ext4::Filesystem format_for(std::span<const Layer> layers, BlockDevice& device,
                            const UnpackOptions& options) {
  if (layers.empty()) throw Error(Errc::invalid_argument, "unpack: an image without layers");
  // Of the lowest layer only: a disk and those made upon it have the same.
  const Digest& lowest = layers.front().diff_id;
  return ext4::Filesystem::format(device, {.size = device.size(),
                                           .uuid = derive_uuid("vmkit rootfs uuid", lowest),
                                           .hash_seed = derive_uuid("vmkit rootfs hash", lowest),
                                           .journal = options.journal});
}

UnpackResult unpack_upon(std::span<const Layer> layers, std::size_t applied, ext4::Filesystem tree,
                         BlockDevice& device, const UnpackOptions& options,
                         const CallOptions& call_options, const AfterLayer& after_layer) {
  return Unpacking(layers, applied, std::move(tree), device, options, call_options)
      .run(after_layer);
}

void require_room(std::span<const Layer> layers, const std::filesystem::path& target) {
  ByteSize least;
  for (const Layer& layer : layers) least = least + layer.compressed_size;
  disk::require_free_space(target.parent_path(), least);
}

UnpackResult unpack(std::span<const Layer> layers, BlockDevice& device,
                    const UnpackOptions& options, const CallOptions& call_options) {
  // With a layer, and without those upon it, it must not be taken for the image.
  call_options.check("unpack");
  HeldSuperblock held(device);
  UnpackResult result =
      unpack_upon(layers, 0, format_for(layers, held, options), held, options, call_options, {});
  held.finish();
  return result;
}

UnpackResult unpack(std::span<const Layer> layers, const std::filesystem::path& target,
                    const UnpackOptions& options, const CallOptions& call_options) {
  call_options.check("unpack");
  require_room(layers, target);
  disk::ImageFile image = disk::ImageFile::create(target, options.size);
  UnpackResult result =
      unpack_upon(layers, 0, format_for(layers, image, options), image, options, call_options, {});
  const auto start = Clock::now();
  image.publish();
  result.publish_time = Clock::now() - start;
  return result;
}

}  // namespace vmkit::rootfs
