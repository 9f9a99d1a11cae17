// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/migration.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <vmkit/base/error.hpp>
#include <vmkit/base/progress.hpp>

namespace vmkit::vm::qemu {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr auto pause = 5ms;
constexpr std::uint64_t unlimited_bandwidth = 1ULL << 40;
constexpr const char* descriptor_name = "state";

std::string text_of(const Json& object, const char* member) {
  const auto found = object.is_object() ? object.find(member) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t number_of(const Json& object, const char* member) {
  const auto found = object.is_object() ? object.find(member) : object.end();
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

/// QEMU's words for how far it is, when it will do no more.
Json await_end(Mailbox& mailbox, std::chrono::milliseconds limit, const CallOptions& options) {
  std::optional<ProgressMeter> meter;
  for (;;) {
    Json answer = mailbox.execute({"query-migrate"}, limit, options);
    const std::string status = text_of(answer, "status");
    const Json ram = answer.is_object() && answer.contains("ram") ? answer["ram"] : Json();
    const std::uint64_t total = number_of(ram, "total");
    if (!meter && total > 0) {
      meter.emplace(options.progress, "save", "", ProgressUnit::bytes, total);
    }
    if (meter) meter->set(total - std::min(total, number_of(ram, "remaining")));
    if (status == "completed" || status == "failed" || status == "cancelled") {
      if (meter) meter->flush();
      return answer;
    }
    options.check("save a machine");
    options.stop.wait_for(options.remaining(pause));
  }
}

/// Nothing more is written after this.
void cancel(Mailbox& mailbox, std::chrono::milliseconds limit) noexcept {
  try {
    mailbox.execute({"migrate_cancel"}, limit, {});
    await_end(mailbox, limit, CallOptions{}.with_timeout(limit));
  } catch (const Error&) {
    // It has ended, or hangs.
  }
}

}  // namespace

void write_state(Mailbox& mailbox, std::shared_ptr<const os::Descriptor> file,
                 std::chrono::milliseconds limit, const CallOptions& options) {
  mailbox.execute({"migrate-set-parameters", {{"max-bandwidth", unlimited_bandwidth}}}, limit,
                  options);
  mailbox.execute({"getfd", {{"fdname", descriptor_name}}, std::move(file)}, limit, options);
  Json end;
  try {
    mailbox.execute({"migrate", {{"uri", std::string("fd:") + descriptor_name}}}, limit, options);
    end = await_end(mailbox, limit, options);
  } catch (...) {
    cancel(mailbox, limit);
    throw;
  }
  if (text_of(end, "status") == "completed") return;
  const std::string why = text_of(end, "error-desc");
  throw Error(why.find("No space left") != std::string::npos ? Errc::resource_exhausted : Errc::io,
              "qemu could not write its state: " + (why.empty() ? "it does not say why" : why));
}

void await_state(Mailbox& mailbox, std::chrono::milliseconds limit, const CallOptions& options) {
  for (;;) {
    const Json answer = mailbox.execute({"query-status"}, limit, options);
    if (text_of(answer, "status") != "inmigrate") return;
    options.check("restore a machine");
    options.stop.wait_for(options.remaining(pause));
  }
}

}  // namespace vmkit::vm::qemu
