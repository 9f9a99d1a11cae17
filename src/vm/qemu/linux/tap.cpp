// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "vm/qemu/network.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {

os::Descriptor open_tap(const std::string& interface) {
  // Who may would make a device that is not there, for as long as the descriptor is open.
  if (::if_nametoindex(interface.c_str()) == 0) {
    throw Error(Errc::not_found,
                "there is none; make one: ip tuntap add mode tap name " + interface + " user USER");
  }
  os::Descriptor tap(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!tap) throw Error::from_errno(errno, "open /dev/net/tun");
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(tap.get(), TUNSETIFF, &request) == 0) return tap;
  if (errno == EBUSY) throw Error(Errc::failed_precondition, "another machine or program has it");
  if (errno == EINVAL) throw Error(Errc::invalid_argument, "it is no TAP device of one queue");
  throw Error::from_errno(errno, "attach to it");
}

}  // namespace vmkit::vm::qemu
