// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "archive/decompressing_source.hpp"
#include "support/compress.hpp"
#include "support/memory_source.hpp"

#include <vmkit/archive/compress.hpp>
#include <vmkit/archive/compression.hpp>
#include <vmkit/base/error.hpp>

using namespace vmkit;
using namespace vmkit::archive;
using namespace vmkit::test;

namespace {

/// Compressible, with matches near and far, and stretches that deflate stores.
std::string sample(std::size_t length) {
  std::mt19937 random(42);
  std::string text;
  while (text.size() < length) {
    const unsigned choice = random() % 4;
    if (choice == 0) {
      for (unsigned i = 0; i < 2000; ++i) text += static_cast<char>(random());
    } else if (choice == 1 && text.size() > 40000) {
      text += text.substr(text.size() - 30000, 5000);
    } else {
      text += "line " + std::to_string(random() % 1000) + " of a log file\n";
    }
  }
  text.resize(length);
  return text;
}

struct Variant {
  const char* name;
  std::string (*compress)(const std::string&);
  DecompressingSource::MakeDecoder make;
};

const std::vector<Variant> variants = {
    {"gzip (best)", [](const std::string& text) { return gzip(text); },
     [](Compression) { return make_gzip_decoder(); }},
    {"gzip (zlib)", [](const std::string& text) { return gzip(text); },
     [](Compression) { return make_zlib_gzip_decoder(); }},
    {"zstd", [](const std::string& text) { return zstd(text); },
     [](Compression) { return make_zstd_decoder(); }},
};

std::string decode(const Variant& variant, std::string data, std::size_t in_step = 65536,
                   std::size_t out_step = 65536, const DecompressOptions& options = {}) {
  DecompressingSource source(std::make_unique<MemorySource>(std::move(data), in_step), options,
                             variant.make);
  return read_all(source, out_step);
}

/// The Errc that `call` fails with, 0 if it does not fail; `message` gets what it says.
int failure(const std::function<void()>& call, std::string* message = nullptr) {
  try {
    call();
    return 0;
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return static_cast<int>(error.code());
  }
}

constexpr int corruption = static_cast<int>(Errc::data_corruption);

}  // namespace

TEST_CASE("compression: the magic tells") {
  auto detect = [](std::string_view head) {
    return detect_compression(std::as_bytes(std::span(head)));
  };
  CHECK(detect("\x1f\x8b\x08\x00") == Compression::gzip);
  CHECK(detect("\x28\xb5\x2f\xfd") == Compression::zstd);
  CHECK(detect("\x5e\x2a\x4d\x18") == Compression::zstd);
  CHECK(detect("usr/") == Compression::none);
  CHECK(detect("") == Compression::none);
  CHECK(detect("\x1f") == Compression::none);
}

TEST_CASE("compression: content comes back whatever the sizes of the pieces") {
  const std::string text = sample(700'000);
  for (const Variant& variant : variants) {
    CAPTURE(variant.name);
    const std::string data = variant.compress(text);
    CHECK(decode(variant, data) == text);
    CHECK(decode(variant, data, 1, 65536) == text);
    CHECK(decode(variant, data, 4099, 7) == text);
    CHECK(decode(variant, variant.compress("")) == "");
    CHECK(decode(variant, variant.compress("x"), 1, 1) == "x");
  }
}

TEST_CASE("compression: members and frames one after another are one content") {
  const std::string text = sample(100'000);
  for (const Variant& variant : variants) {
    CAPTURE(variant.name);
    const std::string data = variant.compress(text) + variant.compress("") +
                             variant.compress("middle") + variant.compress(text);
    const std::string expected = text + "middle" + text;
    for (const std::size_t step : {1, 2, 3, 17, 1000, 1 << 20}) {
      CHECK(decode(variant, data, step) == expected);
    }
  }
}

TEST_CASE("compression: the public function detects and passes plain data through") {
  const std::string text = sample(300'000);
  for (const std::string& data : {gzip(text), zstd(text), text}) {
    CHECK(read_all(*decompress(std::make_unique<MemorySource>(data, 3))) == text);
  }
  CHECK(read_all(*decompress(std::make_unique<MemorySource>(""))) == "");
  CHECK(read_all(*decompress(std::make_unique<MemorySource>("ab"))) == "ab");
  // Named, it must be that.
  std::string message;
  CHECK(failure(
            [&] {
              read_all(*decompress(std::make_unique<MemorySource>("plain text, no gzip"),
                                   {.compression = Compression::gzip}));
            },
            &message) == corruption);
  CHECK(message.find("garbled gzip data near byte ") != std::string::npos);
  CHECK(failure([&] {
          read_all(
              *decompress(std::make_unique<MemorySource>(""), {.compression = Compression::zstd}));
        }) == corruption);
}

TEST_CASE("compression: ends early at every offset: an error, never an end") {
  const std::string text = sample(3'000);
  for (const Variant& variant : variants) {
    CAPTURE(variant.name);
    const std::string data = variant.compress(text);
    for (std::size_t length = 0; length < data.size(); ++length) {
      CAPTURE(length);
      CHECK(failure([&] { decode(variant, data.substr(0, length)); }) == corruption);
      // In the second member too.
      if (length > 0) {
        CHECK(failure([&] { decode(variant, data + data.substr(0, length)); }) == corruption);
      }
    }
  }
}

TEST_CASE("compression: no flipped bit changes the content unnoticed") {
  const std::string text = sample(3'000);
  for (const Variant& variant : variants) {
    CAPTURE(variant.name);
    const std::string data = variant.compress(text);
    unsigned found = 0;
    for (std::size_t at = 0; at < data.size(); ++at) {
      std::string garbled = data;
      garbled[at] = static_cast<char>(garbled[at] ^ 0x10);
      CAPTURE(at);
      std::string got;
      const int code = failure([&] { got = decode(variant, garbled); });
      // Only in the header are there bytes without a meaning for the content (time, system).
      const bool detected_or_harmless = code == corruption || got == text;
      CHECK(detected_or_harmless);
      if (code == corruption) ++found;
    }
    CHECK(found > data.size() - 12);
  }
}

TEST_CASE("compression: what follows a member must be a member") {
  for (const Variant& variant : variants) {
    CAPTURE(variant.name);
    std::string message;
    CHECK(failure([&] { decode(variant, variant.compress("content") + "trailing junk"); },
                  &message) == corruption);
    CHECK(message.find("after 7 bytes of content") != std::string::npos);
  }
}

TEST_CASE("compression: a bomb ends at the limit") {
  const std::string zeros(50 << 20, '\0');
  for (const Variant& variant : variants) {
    CAPTURE(variant.name);
    const std::string data = variant.compress(zeros);
    DecompressingSource source(std::make_unique<MemorySource>(data),
                               DecompressOptions{.output_limit = 1_MiB}, variant.make);
    std::size_t total = 0;
    std::vector<std::byte> buffer(65536);
    std::string message;
    CHECK(failure(
              [&] {
                while (const std::size_t count = source.read(buffer)) total += count;
              },
              &message) == static_cast<int>(Errc::resource_exhausted));
    CHECK(message.find("limit of 1 MiB") != std::string::npos);
    CHECK(total <= (1 << 20));
    // Exactly the limit is no error.
    CHECK(decode(variant, variant.compress(std::string(1 << 20, 'x')), 65536, 65536,
                 {.output_limit = 1_MiB})
              .size() == 1 << 20);
  }
}

TEST_CASE("compression: what is compressed here comes back, here and by other programs' code") {
  class TextSink final : public Sink {
   public:
    void write(std::span<const std::byte> data) override {
      text.append(reinterpret_cast<const char*>(data.data()), data.size());
    }
    std::string text;
  };
  const auto compress = [](const std::string& text, std::size_t step, CompressOptions options) {
    TextSink sink;
    Compressor compressor(sink, options);
    const auto bytes = std::as_bytes(std::span(text));
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      compressor.write(bytes.subspan(at, std::min(step, bytes.size() - at)));
    }
    compressor.finish();
    return sink.text;
  };
  const std::string text = sample(2'000'000);
  for (const Compression compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    CAPTURE(to_string(compression));
    const std::string data = compress(text, 100'000, {.compression = compression});
    CHECK((compress(text, 777, {.compression = compression}) == data));
    CHECK((compression == Compression::none || data.size() < text.size()));
    CHECK(detect_compression(std::as_bytes(std::span(data))) == compression);
    for (const Variant& variant : variants) {
      if (!std::string_view(variant.name).starts_with(to_string(compression))) continue;
      CHECK((decode(variant, data) == text));
      CHECK(decode(variant, compress("", 1, {.compression = compression})).empty());
    }
  }
  CHECK(compress(text, 65536, {.level = 9}).size() < compress(text, 65536, {.level = 1}).size());
  std::string message;
  CHECK(failure([&] { compress(text, 1, {.level = 10}); }, &message) ==
        static_cast<int>(Errc::invalid_argument));
  CHECK(message.find("expected 1 to 9") != std::string::npos);
}
