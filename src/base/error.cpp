// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <system_error>
#include <utility>

#include <vmkit/base/error.hpp>

namespace vmkit {
namespace {

Errc errc_from_errno(int errno_value) {
  switch (errno_value) {
    case EINVAL:
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
      return Errc::invalid_argument;
    case ENOENT:
      return Errc::not_found;
    case EEXIST:
      return Errc::already_exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::permission_denied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Errc::resource_exhausted;
    case ENOTSUP:
#if EOPNOTSUPP != ENOTSUP
    case EOPNOTSUPP:
#endif
    case ENOSYS:
    case ENOTTY:
    case EXDEV:
      return Errc::unsupported;
    case EBUSY:
    case EAGAIN:
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
      return Errc::unavailable;
    case ETIMEDOUT:
      return Errc::timeout;
    default:
      return Errc::io;
  }
}

}  // namespace

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::not_found:
      return "not_found";
    case Errc::already_exists:
      return "already_exists";
    case Errc::permission_denied:
      return "permission_denied";
    case Errc::unauthenticated:
      return "unauthenticated";
    case Errc::failed_precondition:
      return "failed_precondition";
    case Errc::unsupported:
      return "unsupported";
    case Errc::unavailable:
      return "unavailable";
    case Errc::timeout:
      return "timeout";
    case Errc::cancelled:
      return "cancelled";
    case Errc::resource_exhausted:
      return "resource_exhausted";
    case Errc::data_corruption:
      return "data_corruption";
    case Errc::io:
      return "io";
    case Errc::internal:
      return "internal";
  }
  return "unknown";
}

std::string_view to_string(ErrorDomain domain) noexcept {
  switch (domain) {
    case ErrorDomain::posix:
      return "posix";
    case ErrorDomain::http:
      return "http";
    case ErrorDomain::curl:
      return "curl";
    case ErrorDomain::openssl:
      return "openssl";
    case ErrorDomain::libarchive:
      return "libarchive";
    case ErrorDomain::vz:
      return "vz";
    case ErrorDomain::qmp:
      return "qmp";
  }
  return "unknown";
}

Error::Error(Errc code, std::string message, std::optional<NativeError> native)
    : code_(code),
      native_(native),
      message_(std::make_shared<const std::string>(std::move(message))) {}

Error::~Error() = default;

Error Error::from_errno(int errno_value, std::string_view what) {
  std::string message(what);
  message += ": ";
  message += std::generic_category().message(errno_value);
  return Error(errc_from_errno(errno_value), std::move(message),
               NativeError{ErrorDomain::posix, errno_value});
}

const char* Error::what() const noexcept {
  return message_->c_str();
}

Error Error::with_context(std::string_view context) const {
  std::string message(context);
  message += ": ";
  message += *message_;
  return Error(code_, std::move(message), native_);
}

}  // namespace vmkit
