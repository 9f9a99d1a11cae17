// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "support/compress.hpp"
#include "support/memory_source.hpp"
#include "support/tar_text.hpp"

#include <vmkit/rootfs/layer.hpp>

namespace vmkit::test {

/// A tar archive of these members.
inline std::string tar_of(const std::vector<TarMember>& members) {
  std::string tar;
  for (const TarMember& member : members) tar += tar_member(member);
  return tar + tar_end();
}

/// A layer whose compressed bytes are `blob` and whose archive is said to be `tar`.
inline rootfs::Layer layer_of(const std::string& tar, std::string blob, std::string name = {}) {
  return {.diff_id = digest_of(tar),
          .open = [blob] { return std::make_unique<MemorySource>(blob); },
          .compressed_size = ByteSize(blob.size()),
          .name = std::move(name)};
}

inline rootfs::Layer gzip_layer(const std::string& tar) {
  return layer_of(tar, gzip(tar));
}

inline std::vector<rootfs::Layer> layers_of(const std::vector<std::vector<TarMember>>& layers) {
  std::vector<rootfs::Layer> result;
  for (const auto& members : layers) result.push_back(gzip_layer(tar_of(members)));
  return result;
}

}  // namespace vmkit::test
