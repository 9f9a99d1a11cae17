// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "agent/yamux/engine.hpp"
#include "fuzz/target.hpp"

namespace {

using vmkit::Errc;
using vmkit::agent::yamux::Engine;
using vmkit::agent::yamux::Limits;
using vmkit::agent::yamux::OutputBuffer;
using vmkit::agent::yamux::Role;
using vmkit::agent::yamux::StreamId;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

constexpr Limits limits{.max_streams = 8, .max_accepted = 4, .output_limit = 4096};

/// What is heard of a session in which this end reads, writes and ends its streams.
struct Session {
  explicit Session(Role role) : engine(role, limits) {
    for (int i = 0; i < 2; ++i) mine.push_back(engine.open());
  }

  bool receive(std::string_view bytes) {
    return accepts({Errc::data_corruption, Errc::resource_exhausted}, [&] {
      engine.receive(std::as_bytes(std::span(bytes)));
      require(engine.stream_count() <= limits.max_streams, "the limit of the streams holds");
      while (const auto id = engine.accept()) mine.push_back(*id);
    });
  }

  void serve() {
    for (const StreamId id : engine.take_changed()) {
      require(!engine.contains(id) || id != 0, "streams have an id");
    }
    std::erase_if(mine, [&](StreamId id) {
      require(engine.contains(id), "a stream stays until it is released");
      while (!engine.readable(id).empty()) {
        const auto data = engine.readable(id);
        require(data.size() <= vmkit::agent::yamux::initial_window, "no stream beyond its window");
        heard.append(reinterpret_cast<const char*>(data.data()), data.size());
        engine.consume(id, data.size());
      }
      if (engine.writable(id) > 0) engine.write(id, std::as_bytes(std::span("reply")));
      if (!engine.at_end(id) && !engine.reset_by_peer(id)) return false;
      engine.finish(id);
      engine.release(id);
      return true;
    });
    OutputBuffer output;
    engine.take_output(output);
  }

  Engine engine;
  std::vector<StreamId> mine;
  std::string heard;
};

void run(Role role, std::string_view input, std::size_t step) {
  Session session(role);
  while (!input.empty()) {
    const std::string_view part = input.substr(0, step);
    input.remove_prefix(part.size());
    if (!session.receive(part)) return;
    session.serve();
  }
  for (const StreamId id : session.mine) session.engine.release(id);
  require(session.engine.stream_count() == 0, "what is released is gone");
}

const vmkit::fuzz::Target target("yamux", [](std::string_view input) {
  for (const Role role : {Role::client, Role::server}) {
    for (const std::size_t step : {std::size_t{5}, std::size_t{4096}}) run(role, input, step);
    Session silent(role);  // never served: everything has to stay within the limits
    silent.receive(input);
    require(silent.engine.output_size() <= limits.output_limit + 64, "the output is bounded");
  }
});

}  // namespace
