// SPDX-License-Identifier: Apache-2.0
#include "probe.hpp"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

#include "fd.hpp"

namespace vmkit::guest {

using namespace agent::protocol;
using agent::Json;

namespace {

/// The second number of statm: pages that are in memory.
std::uint64_t resident_bytes() {
  const auto text = read_file("/proc/self/statm", 4096);
  if (!text) return 0;
  const std::size_t space = text->find(' ');
  if (space == std::string::npos) return 0;
  return std::strtoull(text->c_str() + space, nullptr, 10) *
         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

void Probe::add_methods(Methods& methods) {
  methods["probe"] = [this](const Json& params, const Deferred&) { return start(params); };
}

Json Probe::start(const Json& params) {
  const auto stream = params.at("stream").get<agent::yamux::StreamId>();
  const auto bytes = params.at("bytes").get<std::uint64_t>();
  if (client_.session() == nullptr || !client_.session()->claim(StreamKind::probe, stream)) {
    throw RpcError(invalid_params, "the stream was not opened for a probe, or is in use");
  }
  left_[stream] = bytes;
  take_input();
  return {{"resident", resident_bytes()}};
}

void Probe::take_input() {
  auto& mux = client_.session()->mux();
  for (auto entry = left_.begin(); entry != left_.end();) {
    const auto stream = entry->first;
    for (;;) {
      const auto data = mux.readable(stream);
      if (data.empty()) break;
      mux.consume(stream, data.size());
    }
    const bool over = mux.reset_by_peer(stream) || (entry->second == 0 && mux.at_end(stream));
    if (over) client_.session()->finish(stream);
    entry = over ? left_.erase(entry) : std::next(entry);
  }
}

void Probe::give_output() {
  auto& mux = client_.session()->mux();
  for (auto entry = left_.begin(); entry != left_.end();) {
    auto& [stream, left] = *entry;
    while (left != 0) {
      const auto size = std::min<std::uint64_t>(mux.writable(stream), left);
      if (size == 0) break;
      mux.prepare(stream, size);  // left as it is: the host may see all of the machine
      mux.commit(size);
      left -= size;
    }
    const bool over = left == 0 && mux.at_end(stream);
    if (left == 0) mux.finish(stream);
    if (over) client_.session()->finish(stream);
    entry = over ? left_.erase(entry) : std::next(entry);
  }
}

}  // namespace vmkit::guest
