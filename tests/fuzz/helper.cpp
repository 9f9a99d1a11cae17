// SPDX-License-Identifier: Apache-2.0
// What comes over a helper's socket, at either end.
#include "fuzz/target.hpp"
#include "vm/helper/frame.hpp"
#include "vm/helper/values.hpp"

namespace {

using namespace vmkit;
using fuzz::require;
using vm::helper::Json;

/// Reads it as one value after another; what is one is the same when it is written and read again.
template <class Read, class Write>
void round_trip(const Json& json, Read read, Write write) {
  fuzz::accepts({Errc::data_corruption, Errc::unsupported, Errc::invalid_argument}, [&] {
    try {
      const Json once = write(read(json));
      require(once == write(read(once)), "a value that was read can be written and read again");
    } catch (const Json::exception&) {
      // documented, too
    }
  });
}

const fuzz::Target target("helper", [](std::string_view input) {
  using namespace vm::helper;
  FrameDecoder whole, cut;
  std::vector<Frame> frames;
  const bool good = fuzz::accepts({Errc::data_corruption}, [&] {
    whole.add(input);
    while (auto frame = whole.next()) frames.push_back(std::move(*frame));
  });
  std::size_t again = 0;
  const bool same = fuzz::accepts({Errc::data_corruption}, [&] {
    for (const char byte : input) {
      cut.add({&byte, 1});
      while (const auto frame = cut.next()) {
        require(frame->payload == frames.at(again).payload,
                "frames do not depend on how they come");
        ++again;
      }
    }
  });
  require(good == same && again == frames.size(), "all frames come, and errors as well");
  for (const Frame& frame : frames) {
    FrameDecoder decoder;
    decoder.add(encode_frame(frame.kind, frame.payload));
    require(decoder.next()->payload == frame.payload, "a frame can be written again");
    const Json json = Json::parse(frame.payload, nullptr, false);
    if (!json.is_object()) continue;
    round_trip(json, read_error, write_error);
    round_trip(json, read_event, write_event);
    round_trip(json, read_capabilities, write_capabilities);
    round_trip(json, read_statistics, write_statistics);
    round_trip(json, read_diagnostics, write_diagnostics);
    round_trip(json, read_share, write_share);
    round_trip(json, read_disk, write_disk);
    const auto configured = [](const Accompanied& read) { return write_config(read.config); };
    round_trip(json, read_config, configured);
  }
});

}  // namespace
