// SPDX-License-Identifier: Apache-2.0
#include "stream_table.hpp"

namespace vmkit::guest {

using namespace agent::protocol;

void StreamTable::claim(agent::yamux::StreamId stream, Owner owner) {
  if (client_.session() == nullptr || !session().claim(StreamKind::stdio, stream)) {
    throw RpcError(invalid_params,
                   "stream " + std::to_string(stream) + " was not opened for stdio, or is in use");
  }
  owners_[stream] = owner;
}

void StreamTable::finish(agent::yamux::StreamId stream) {
  if (owners_.erase(stream) != 0) session().finish(stream);
}

void StreamTable::release(agent::yamux::StreamId stream) {
  if (owners_.erase(stream) != 0) session().release(stream);
}

const StreamTable::Owner* StreamTable::owner(agent::yamux::StreamId stream) const {
  const auto found = owners_.find(stream);
  return found == owners_.end() ? nullptr : &found->second;
}

}  // namespace vmkit::guest
