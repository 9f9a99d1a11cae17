// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include "archive/decompressing_source.hpp"
#include "fuzz/target.hpp"
#include "support/memory_source.hpp"

#include <vmkit/archive/compression.hpp>

namespace {

using vmkit::ByteSize;
using vmkit::Errc;
using vmkit::archive::Compression;
using vmkit::archive::Decoder;
using vmkit::archive::DecompressingSource;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

constexpr std::size_t output_limit = 1 << 16;

struct Outcome {
  std::string content;
  bool whole = false;
};

std::unique_ptr<Decoder> fastest(Compression compression) {
  return compression == Compression::gzip ? vmkit::archive::make_gzip_decoder()
                                          : vmkit::archive::make_zstd_decoder();
}

std::unique_ptr<Decoder> zlib(Compression) {
  return vmkit::archive::make_zlib_gzip_decoder();
}

Outcome decompressed(std::string_view input, Compression compression,
                     DecompressingSource::MakeDecoder make, std::size_t step) {
  Outcome outcome;
  outcome.whole = accepts({Errc::data_corruption, Errc::resource_exhausted}, [&] {
    DecompressingSource source(
        std::make_unique<vmkit::test::MemorySource>(std::string(input), step),
        {compression, ByteSize(output_limit)}, make);
    std::string buffer(step, '\0');
    while (const auto count = source.read(std::as_writable_bytes(std::span(buffer)))) {
      require(count <= buffer.size(), "no more is given than there is room");
      outcome.content.append(buffer, 0, count);
      require(outcome.content.size() <= output_limit, "the limit of the output holds");
    }
  });
  return outcome;
}

void check_same(const Outcome& a, const Outcome& b) {
  require(a.whole == b.whole, "both decoders take or refuse the data");
  const std::size_t common = std::min(a.content.size(), b.content.size());
  require(a.content.compare(0, common, b.content, 0, common) == 0,
          "both decoders give the same content");
  require(!a.whole || a.content.size() == b.content.size(), "both decoders give all");
}

const vmkit::fuzz::Target target("decompress", [](std::string_view input) {
  const auto head = std::as_bytes(std::span(input));
  const auto compression = vmkit::archive::detect_compression(head);
  if (compression == Compression::none) return;
  const Outcome outcome = decompressed(input, compression, &fastest, 65536);
  check_same(outcome, decompressed(input, compression, &fastest, 509));
  if (compression == Compression::gzip) {
    check_same(outcome, decompressed(input, compression, &zlib, 65536));
  }
});

}  // namespace
