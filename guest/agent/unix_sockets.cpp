// SPDX-License-Identifier: Apache-2.0
#include "unix_sockets.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/tree/build.hpp"
#include "fd.hpp"
#include "root_path.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

using agent::tree::Place;

/// However long the path in the container is, this one is short and means the same file.
sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw Error(Errc::invalid_argument, "the name of a unix socket is too long");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Fd make_socket() {
  Fd made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made) throw Error::from_errno(errno, "make a socket");
  return made;
}

Place find_place(int root, const std::string& path) {
  return agent::tree::place_of(
      [root](const std::string& folder, int flags) { return open_in_root(root, folder, flags); },
      path);
}

int release(Fd& socket) {
  return ::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0);
}

}  // namespace

int connect_in_root(int root, const std::string& path) {
  const Fd file(open_in_root(root, path, O_PATH));
  struct stat status;
  if (!file || ::fstat(file.get(), &status) != 0) {
    throw Error::from_errno(errno, "connect to \"" + path + "\"");
  }
  if (!S_ISSOCK(status.st_mode)) {
    throw Error(Errc::failed_precondition, "connect to \"" + path + "\": it is no socket");
  }
  Fd made = make_socket();
  const sockaddr_un address = address_of("/proc/self/fd/" + std::to_string(file.get()));
  if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw Error::from_errno(errno, "connect to \"" + path + "\"");
  }
  return release(made);
}

int listen_in_root(int root, const std::string& path, unsigned permissions) {
  const Place place = find_place(root, path);
  Fd made = make_socket();
  const sockaddr_un address =
      address_of("/proc/self/fd/" + std::to_string(place.folder.get()) + "/" + place.name);
  ::umask(~permissions & 0777);
  if (::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw Error::from_errno(errno == EADDRINUSE ? EEXIST : errno, "listen at \"" + path + "\"");
  }
  if (::listen(made.get(), SOMAXCONN) != 0) {
    throw Error::from_errno(errno, "listen at \"" + path + "\"");
  }
  return release(made);
}

void remove_socket_in_root(int root, const std::string& path) noexcept {
  try {
    const Place place = find_place(root, path);
    struct stat status;
    if (::fstatat(place.folder.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISSOCK(status.st_mode)) {
      ::unlinkat(place.folder.get(), place.name.c_str(), 0);
    }
  } catch (const std::exception&) {
    // Then it is gone.
  }
}

}  // namespace vmkit::guest
