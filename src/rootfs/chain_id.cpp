// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include <vmkit/base/error.hpp>
#include <vmkit/rootfs/layer.hpp>

namespace vmkit::rootfs {

Digest chain_id(std::span<const Digest> diff_ids) {
  if (diff_ids.empty()) throw Error(Errc::invalid_argument, "chain id of an image without layers");
  Digest chain = diff_ids.front();
  for (const Digest& diff_id : diff_ids.subspan(1)) {
    chain = digest_of(chain.to_string() + " " + diff_id.to_string(), chain.algorithm());
  }
  return chain;
}

Digest chain_id(std::span<const Layer> layers) {
  std::vector<Digest> diff_ids;
  for (const Layer& layer : layers) diff_ids.push_back(layer.diff_id);
  return chain_id(diff_ids);
}

}  // namespace vmkit::rootfs
