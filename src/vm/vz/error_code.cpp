// SPDX-License-Identifier: Apache-2.0
#include "vm/vz/error_code.hpp"

namespace vmkit::vm::vz {
namespace {

/// The constants of VZErrorDomain that have a better word than io.
Errc to_errc(std::int64_t code) {
  switch (code) {
    case 2:  // invalid configuration
    case 5:  // invalid disk image
      return Errc::invalid_argument;
    case 3:  // invalid state
    case 4:  // invalid transition
      return Errc::failed_precondition;
    case 6:  // too many machines
    case 8:  // the disk is full
      return Errc::resource_exhausted;
    case 7:  // network
      return Errc::unavailable;
    case 9:
      return Errc::cancelled;
    case 10:
    case 12:  // restore: of another Mac or macOS, or damaged; it does not say which
      return Errc::unsupported;
    case 30002:  // the device is attached
      return Errc::failed_precondition;
    case 30004:  // it is not
      return Errc::not_found;
    default:  // 1, "internal": the framework's, not ours
      return Errc::io;
  }
}

}  // namespace

Error make_error(std::string_view domain, std::int64_t code, const std::string& text) {
  const std::string words = text.empty() ? "no reason given" : text;
  const std::string suffix = " (" + std::string(domain) + " " + std::to_string(code) + ")";
  if (domain == "VZErrorDomain") {
    // All that it says of a disk that has another user, whose lock it minds.
    const bool disk = code == 2 && text.find("storage device attachment") != std::string::npos;
    return {disk ? Errc::failed_precondition : to_errc(code),
            words + suffix + (disk ? "; is a disk in use by another machine or program?" : ""),
            NativeError{ErrorDomain::vz, code}};
  }
  if (domain == "NSPOSIXErrorDomain") {
    return Error::from_errno(static_cast<int>(code), words + suffix);
  }
  return {Errc::io, words + suffix};
}

}  // namespace vmkit::vm::vz
