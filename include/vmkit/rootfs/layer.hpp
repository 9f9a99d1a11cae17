// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <vmkit/archive/compression.hpp>
#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::rootfs {

/// One layer of an image: a tar archive, perhaps compressed.
struct Layer {
  /// Of the uncompressed archive, as the image's configuration lists it; verified.
  Digest diff_id;
  /// Opens the (compressed) archive; called at most once for each unpack, on a thread of the
  /// library, while other layers are read. A Source whose reads may block long needs `abandon`.
  std::function<std::unique_ptr<Source>()> open;
  /// Called when no more of the archive is wanted, from another thread than reads it: a read that
  /// waits must then end, in whatever way.
  std::function<void()> abandon = {};
  /// Without it the first bytes tell.
  std::optional<archive::Compression> compression = {};
  /// Of what `open` gives, for progress; zero if unknown.
  ByteSize compressed_size = {};
  /// For messages and as progress subject, such as the blob's digest; the diffID if empty.
  std::string name = {};
};

/// The ChainID of the OCI image specification: names the result of applying these layers one upon
/// another. Throws invalid_argument for none.
Digest chain_id(std::span<const Digest> diff_ids);
Digest chain_id(std::span<const Layer> layers);

}  // namespace vmkit::rootfs
