// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/ending.hpp"

#include <doctest/doctest.h>

using namespace vmkit;
using namespace vmkit::vm;
using namespace vmkit::vm::qemu;

namespace {

struct Row {
  const char* what;
  Evidence evidence;
  MachineState state;
  MachineEventReason reason;
  std::optional<Errc> code;
  const char* message;  // a part of it
};

Evidence refused(const char* words) {
  return {.kernel = "/k", .exit = {1, 0}, .error_output = std::string("qemu: ") + words + "\n"};
}

}  // namespace

TEST_CASE("ending: what QEMU's end means") {
  using S = MachineState;
  using R = MachineEventReason;
  const Evidence ran{.came_up = true, .console = {"one", "two"}};
  const auto with = [&](auto change) {
    Evidence evidence = ran;
    change(evidence);
    return evidence;
  };
  const Row rows[] = {
      {"power off",
       with([](auto& e) { e.shutdown_reason = "guest-shutdown"; }),
       S::stopped,
       R::guest_stopped,
       {},
       ""},
      {"power off, then killed",
       with([](auto& e) {
         e.shutdown_reason = "guest-shutdown";
         e.cause = KillCause::requested;
       }),
       S::stopped,
       R::guest_stopped,
       {},
       ""},
      {"reset", with([](auto& e) { e.shutdown_reason = "guest-reset"; }), S::failed,
       R::guest_crashed, Errc::unavailable, "last console lines:\n  one\n  two"},
      {"killed by us",
       with([](auto& e) {
         e.exit = {0, 9};
         e.cause = KillCause::requested;
       }),
       S::stopped,
       R::killed,
       {},
       ""},
      {"killed by another", with([](auto& e) {
         e.exit = {0, 9};
       }),
       S::failed, R::failed, Errc::unavailable, "qemu was ended by signal 9"},
      {"asked to end by another", with([](auto& e) { e.shutdown_reason = "host-signal"; }),
       S::failed, R::failed, Errc::unavailable, "from outside (host-signal)"},
      {"sandbox", with([](auto& e) {
         e.exit = {0, 31};
       }),
       S::failed, R::failed, Errc::unavailable, "by its sandbox"},
      {"ended without a word", with([](auto&) {}), S::failed, R::failed, Errc::unavailable,
       "it said nothing; last console lines"},
      {"hangs",
       {.exit = {0, 9}, .cause = KillCause::no_answer, .cause_text = "10 ms"},
       S::failed,
       R::failed,
       Errc::timeout,
       "no answer on its control socket within 10 ms"},
      {"mute",
       {.exit = {0, 9}, .cause = KillCause::no_sign_of_life, .cause_text = "5 ms"},
       S::failed,
       R::failed,
       Errc::timeout,
       "no sign of life from the guest's kernel within 5 ms"},
      {"garbled",
       {.exit = {0, 9}, .cause = KillCause::garbled, .cause_text = "expected JSON"},
       S::failed,
       R::failed,
       Errc::data_corruption,
       "expected JSON; qemu was killed"},
      {"locked", refused("-blockdev x: Failed to get \"write\" lock"), S::failed, R::failed,
       Errc::failed_precondition, "a disk is in use by another machine"},
      {"memory", refused("cannot set up guest memory: Cannot allocate memory"), S::failed,
       R::failed, Errc::resource_exhausted, "not enough memory"},
      {"kernel", refused("Error loading uncompressed kernel without PVH ELF Note"), S::failed,
       R::failed, Errc::invalid_argument, "the kernel is not one"},
      {"unknown", refused("-device x: what?\nand why?"), S::failed, R::failed, Errc::unsupported,
       "qemu exited with status 1 before the machine ran (kernel /k); it said: qemu: -device x: "
       "what?|and"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const MachineEvent event = judge(row.evidence);
    CHECK(event.state == row.state);
    CHECK(event.reason == row.reason);
    REQUIRE(event.error.has_value() == row.code.has_value());
    if (!event.error) continue;
    CAPTURE(event.error->what());
    CHECK(event.error->code() == *row.code);
    CHECK(std::string(event.error->what()).find(row.message) != std::string::npos);
  }
}

TEST_CASE("ending: QEMU's words are shortened and made printable") {
  Evidence evidence{.exit = {1, 0}, .error_output = std::string(100'000, 'x') + "\x1b[2Jend\n"};
  const std::string message = judge(evidence).error->what();
  CHECK(message.size() < 3000);
  CHECK(message.find("?[2Jend") != std::string::npos);
}
