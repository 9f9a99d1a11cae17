// SPDX-License-Identifier: Apache-2.0
// What a client may send to the guest: streams, their headers, requests, acknowledgements.
#include <algorithm>
#include <string>
#include <vector>

#include "agent/json.hpp"
#include "client_record.hpp"
#include "fuzz/target.hpp"
#include "session.hpp"

namespace {

using namespace vmkit;
using vmkit::agent::protocol::StreamKind;
using vmkit::agent::yamux::StreamId;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

constexpr std::size_t most_streams = 1024;
constexpr std::size_t most_record_bytes = 5 * 1024 * 1024;

void run(std::string_view input, std::size_t step) {
  guest::Session session;
  guest::ClientRecord record(1, "fuzz");
  agent::yamux::OutputBuffer output;
  while (!input.empty() && !session.ended()) {
    const std::string_view part = input.substr(0, step);
    input.remove_prefix(part.size());
    const bool goes_on = accepts({Errc::data_corruption, Errc::resource_exhausted}, [&] {
      session.receive(std::as_bytes(std::span(part)));
      while (const auto request = session.next_request()) {
        agent::Json message;
        if (!accepts({Errc::data_corruption}, [&] { message = agent::parse_message(*request); })) {
          continue;
        }
        const auto ack = message.find("ack");
        if (ack != message.end() && ack->is_number_unsigned()) {
          record.acknowledge(ack->get<std::uint64_t>());
        }
        const auto id = message.find("id");
        if (id == message.end() || !id->is_number_unsigned()) continue;
        const std::uint64_t number = id->get<std::uint64_t>();
        const bool fresh = number > record.last_request();
        require(record.take_request(number) == fresh, "a request is executed once");
        require(!record.take_request(number), "and not again");
        record.add_event({{"type", "x"}}, number % 2 == 0);
        record.add_message(*request);
        session.send(*request);
        require(record.bytes() <= most_record_bytes, "what is kept for a client is bounded");
        for (const StreamKind kind : {StreamKind::stdio, StreamKind::file}) {
          const auto stream = static_cast<StreamId>(number);
          if (session.claim(kind, stream)) {
            require(!session.claim(kind, stream), "a stream is claimed once");
            session.finish(stream);
          }
        }
      }
      session.pump_answers();
    });
    if (!goes_on) return;
    require(session.mux().stream_count() <= most_streams, "the number of streams is bounded");
    session.mux().take_output(output);
  }
}

const vmkit::fuzz::Target target("guest_session", [](std::string_view input) {
  for (const std::size_t step : {std::size_t{7}, std::size_t{4096}}) run(input, step);
});

}  // namespace
