// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include <vmkit/archive/buffer_pool.hpp>
#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::archive {

/// How far a ReadAhead reads ahead, and whether it hashes.
struct ReadAheadOptions {
  ByteSize buffer_size = ByteSize(256 * 1024);
  /// Allocated as they are needed: by default at most 4 MiB ahead.
  std::size_t buffers = 16;
  /// Where the buffers come from, instead of the two numbers above.
  std::shared_ptr<BufferPool> pool = {};
  /// Computes the digest of all bytes, on one more thread.
  std::optional<DigestAlgorithm> digest = {};
};

/// Reads another Source on a thread of its own, ahead of its reader through a bounded number of
/// buffers, so that for example decompression and writing overlap. Reading starts at once.
///
/// What the source throws is thrown to the reader, at its place in the stream. Waiting ends early
/// when the call options' stop or deadline says so. The destructor waits for the read that the
/// source is in: give it the same StopToken if its reads may block long. Confined to one reader.
class ReadAhead final : public Source {
 public:
  explicit ReadAhead(std::unique_ptr<Source> source, const ReadAheadOptions& options = {},
                     const CallOptions& call_options = {});
  ~ReadAhead() override;
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  std::size_t read(std::span<std::byte> buffer) override;

  /// The next bytes without a copy, valid until the next call of next() or read(); empty only at
  /// the end.
  std::span<const std::byte> next();

  /// The digest of all bytes, once the end was read; asked for in the options. Waits for the
  /// hashing thread. Throws failed_precondition before the end.
  Digest digest();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmkit::archive
