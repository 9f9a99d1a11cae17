// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/ending.hpp"

#include <array>
#include <signal.h>

#include "vm/console_recorder.hpp"

namespace vmkit::vm::qemu {
namespace {

constexpr std::size_t longest_excerpt = 2048;
constexpr const char* load_failed = "load of migration failed";

/// The end of what QEMU wrote to its standard error, on one line.
std::string last_words(const std::string& error_output) {
  std::string text = error_output.size() > longest_excerpt
                         ? "…" + error_output.substr(error_output.size() - longest_excerpt)
                         : error_output;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = c == '\n' ? '|' : '?';
  }
  return text.empty() ? "it said nothing" : "it said: " + text;
}

/// QEMU has no error codes: its English is all there is. What is not known here is `unsupported`
/// with QEMU's own words.
struct KnownError {
  const char* words;
  Errc code;
  const char* explanation;
};

constexpr std::array known_errors = {
    KnownError{"Failed to get \"write\" lock", Errc::failed_precondition,
               "a disk is in use by another machine or program; stop that first"},
    KnownError{"Failed to get shared \"write\" lock", Errc::failed_precondition,
               "a disk is in use by another machine or program; stop that first"},
    KnownError{"Failed to connect to '", Errc::unavailable,
               "nobody serves a disk at the address that its NBD URI has"},
    KnownError{"Requested export not available", Errc::not_found,
               "the server of a disk has no export of the name that its NBD URI has"},
    KnownError{"Cannot allocate memory", Errc::resource_exhausted,
               "the host has not enough memory for the machine"},
    KnownError{"Too many open files", Errc::resource_exhausted,
               "the process may not have more open files"},
    KnownError{"rror loading uncompressed kernel", Errc::invalid_argument,
               "the kernel is not one that QEMU can boot"},
    KnownError{"invalid kernel", Errc::invalid_argument,
               "the kernel is not one that QEMU can boot"},
    KnownError{"could not load kernel", Errc::invalid_argument,
               "the kernel is not one that QEMU can boot"},
    KnownError{"linux kernel too old", Errc::invalid_argument,
               "the kernel is not one that QEMU can boot"},
    KnownError{"Permission denied", Errc::permission_denied, "QEMU may not open a file"},
};

Error refused(const Evidence& evidence) {
  const std::string words = "qemu " + os::to_string(evidence.exit) + " before the machine ran" +
                            (evidence.kernel.empty() ? "" : " (kernel " + evidence.kernel + ")") +
                            "; " + last_words(evidence.error_output);
  for (const KnownError& known : known_errors) {
    if (evidence.error_output.find(known.words) != std::string::npos) {
      return Error(known.code, std::string(known.explanation) + ": " + words);
    }
  }
  return Error(Errc::unsupported, words);
}

MachineEvent failed(Errc code, std::string message) {
  return {MachineState::failed, MachineEventReason::failed, Error(code, std::move(message))};
}

MachineEvent judge_kill(const Evidence& evidence) {
  switch (evidence.cause) {
    case KillCause::none:
    case KillCause::requested:
      break;
    case KillCause::start_given_up:
      return failed(Errc::cancelled, "the start was given up before qemu was ready");
    case KillCause::no_answer:
      return failed(Errc::timeout, "qemu hangs: no answer on its control socket within " +
                                       evidence.cause_text + "; it was killed; " +
                                       last_words(evidence.error_output));
    case KillCause::garbled:
      return failed(Errc::data_corruption, evidence.cause_text + "; qemu was killed");
    case KillCause::daemon_ended:
      return failed(Errc::unavailable, "the virtiofsd of a shared folder " + evidence.cause_text +
                                           " while the machine ran, which was killed; " +
                                           last_words(evidence.error_output));
    case KillCause::no_sign_of_life:
      return failed(Errc::timeout,
                    "no sign of life from the guest's kernel within " + evidence.cause_text +
                        " (no console output, no port opened by it): is it a kernel for this "
                        "machine, with a serial console built in?; " +
                        last_words(evidence.error_output));
  }
  return {MachineState::stopped, MachineEventReason::killed};
}

}  // namespace

MachineEvent judge(const Evidence& evidence) {
  // A guest that ended by itself just before it was killed has still ended by itself.
  if (evidence.exit.success() && evidence.shutdown_reason == "guest-shutdown") {
    return {MachineState::stopped, MachineEventReason::guest_stopped};
  }
  if (evidence.cause != KillCause::none) return judge_kill(evidence);
  if (evidence.exit.success() && evidence.shutdown_reason) {
    const std::string& reason = *evidence.shutdown_reason;
    if (reason == "guest-reset" || reason == "guest-panic") {
      return {MachineState::failed, MachineEventReason::guest_crashed,
              Error(Errc::unavailable,
                    "the guest reset itself: its kernel panicked, its first process ended, or it "
                    "wanted to reboot, which ends a machine here; " +
                        detail::console_text(evidence.console))};
    }
    return failed(Errc::unavailable, "qemu was ended from outside (" + reason.substr(0, 40) + ")");
  }
  if (evidence.restores && evidence.error_output.find(load_failed) != std::string::npos) {
    return failed(Errc::data_corruption, "qemu cannot take up the saved state, which is damaged; " +
                                             last_words(evidence.error_output));
  }
  if (!evidence.came_up) {
    return {MachineState::failed, MachineEventReason::failed, refused(evidence)};
  }
  if (evidence.adopted) {
    return failed(Errc::unavailable,
                  "qemu ended while the machine ran; how, only the program that started it could "
                  "have known; " +
                      detail::console_text(evidence.console));
  }
  const char* hint =
      evidence.exit.signal == SIGSYS ? " by its sandbox, for a forbidden system call" : "";
  return failed(Errc::unavailable, "qemu " + os::to_string(evidence.exit) + hint +
                                       " while the machine ran; " +
                                       last_words(evidence.error_output) + "; " +
                                       detail::console_text(evidence.console));
}

}  // namespace vmkit::vm::qemu
