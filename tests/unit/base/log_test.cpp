// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <string>

#include <vmkit/base/log.hpp>

using namespace vmkit;

namespace {
struct TextSink : LogSink {
  std::string text;
  void write(const LogRecord& record) noexcept override {
    text += std::string(to_string(record.level)) + " " + std::string(record.module) + " " +
            std::string(record.message);
    for (const LogField& field : record.fields) {
      text += " " + std::string(field.key) + "=" + std::string(field.value);
    }
    text += "\n";
  }
};
}  // namespace

TEST_CASE("log: records reach the sink with module and fields, and nobody without one") {
  Logger().error("nobody hears this");
  auto sink = std::make_shared<TextSink>();
  const Logger logger(sink, "oci");
  logger.info("pulled", {{"digest", "sha256:1"}, {"size", "3"}});
  logger.warning("slow");
  CHECK(sink->text == "info oci pulled digest=sha256:1 size=3\nwarning oci slow\n");
}
