// SPDX-License-Identifier: Apache-2.0
#include "vm/network.hpp"

#include <cerrno>
#include <sys/socket.h>

#include <vmkit/base/digest.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::vm::detail {
namespace {

// Two machines that run at a time differ in their name, or at least in a disk.
std::string default_mac(const MachineConfig& config, std::size_t index) {
  std::string identity = config.name;
  for (const Disk& disk : config.disks) identity += '\n' + disk.path.native() + disk.nbd;
  identity += '\n' + std::to_string(index);
  const std::string hex = digest_of(identity).hex();
  std::string mac = "52:54:00";  // locally administered, of one station
  for (std::size_t i = 0; i < 6; i += 2) mac += ":" + hex.substr(i, 2);
  return mac;
}

}  // namespace

std::string mac_address(const MachineConfig& config, std::size_t index) {
  const std::string& mac = config.networks[index].mac;
  return mac.empty() ? default_mac(config, index) : mac;
}

os::Descriptor duplicate_frame_socket(int socket) {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    throw Error(errno == EBADF ? Errc::not_found : Errc::invalid_argument,
                "expected an open socket, found descriptor " + std::to_string(socket));
  }
  if (type != SOCK_DGRAM) {
    throw Error(Errc::invalid_argument, "expected a datagram socket, found one of another type");
  }
  return os::duplicate(socket);
}

}  // namespace vmkit::vm::detail
