// SPDX-License-Identifier: Apache-2.0
#include "capabilities.hpp"

#include <cerrno>
#include <cstdlib>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fd.hpp"
#include "rpc_error.hpp"
#include "service.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;

std::uint64_t known_to_kernel() {
  static const std::uint64_t known = [] {
    const auto text = read_file("/proc/sys/kernel/cap_last_cap", 64);
    const unsigned long last = text ? std::strtoul(text->c_str(), nullptr, 10) : CAP_LAST_CAP;
    return last >= 63 ? ~std::uint64_t{0} : (std::uint64_t{2} << last) - 1;
  }();
  return known;
}

bool set_capabilities(std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(effective >> 32 * half);
    data[half].permitted = static_cast<std::uint32_t>(permitted >> 32 * half);
    data[half].inheritable = static_cast<std::uint32_t>(inheritable >> 32 * half);
  }
  return ::syscall(SYS_capset, &header, data) == 0;
}

void require(bool done, const char* what) {
  if (!done) throw RpcError(operation_failed, what, errno);
}

}  // namespace

CapabilitySets parse_capabilities(const agent::Json& json) {
  const auto set = [&](const char* name) {
    const auto bits = get_or<std::uint64_t>(json, name, 0);
    if (bits == ~std::uint64_t{0}) return known_to_kernel();
    if ((bits & ~known_to_kernel()) != 0) {
      throw RpcError(not_supported, std::string("capabilities: ") + name +
                                        " has some that this kernel does not know");
    }
    return bits;
  };
  return {set("bounding"), set("effective"), set("inheritable"), set("permitted"), set("ambient")};
}

void become(const UserIds& ids, const CapabilitySets& sets, std::uint64_t keep) {
  for (unsigned long bit = 0; bit < 64; ++bit) {
    const std::uint64_t mask = std::uint64_t{1} << bit;
    if ((known_to_kernel() & mask) == 0 || (sets.bounding & mask) != 0) continue;
    require(::prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) == 0, "cannot limit the capabilities");
  }
  const bool root = ids.uid == 0;
  if (!root) require(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "cannot keep capabilities");
  become(ids);
  // Of these, execve leaves an ordinary user only the ambient ones; he has no others now either, or
  // what he may enter and execute would be another matter than afterwards.
  const std::uint64_t permitted = (root ? sets.permitted : sets.ambient) | keep;
  const std::uint64_t effective = (root ? sets.effective & sets.permitted : sets.ambient) | keep;
  require(set_capabilities(effective, permitted, sets.inheritable), "cannot set the capabilities");
  for (unsigned long bit = 0; bit < 64; ++bit) {
    if ((sets.ambient >> bit & 1) == 0) continue;
    require(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0) == 0,
            "cannot raise an ambient capability: it must be permitted and inheritable too");
  }
}

void keep_capability_to_signal() {
  constexpr std::uint64_t kill = std::uint64_t{1} << CAP_KILL;
  set_capabilities(kill, kill, 0);
}

}  // namespace vmkit::guest
