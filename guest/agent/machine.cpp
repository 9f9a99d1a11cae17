// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "fd.hpp"
#include "root_mount.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

void set_clock(std::int64_t host_time_ns) {
  constexpr std::int64_t second = 1'000'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t here = now.tv_sec * second + now.tv_nsec;
  if (host_time_ns < 0 || std::llabs(here - host_time_ns) <= second) return;
  const timespec wanted{static_cast<time_t>(host_time_ns / second),
                        static_cast<long>(host_time_ns % second)};
  if (::clock_settime(CLOCK_REALTIME, &wanted) != 0) {
    throw RpcError(operation_failed, "cannot set the clock", errno);
  }
}

void seed_random(const std::string& hex) {
  constexpr std::size_t max_bytes = 256;
  if (hex.size() % 2 != 0 || hex.size() / 2 > max_bytes) {
    throw RpcError(invalid_params, "random_seed: expected up to 256 bytes in hexadecimal");
  }
  // struct rand_pool_info: how many bits, how many bytes, the bytes.
  const std::size_t size = hex.size() / 2;
  std::array<unsigned char, 2 * sizeof(int) + max_bytes> seed{};
  const int counts[] = {static_cast<int>(size) * 8, static_cast<int>(size)};
  std::memcpy(seed.data(), counts, sizeof counts);
  for (std::size_t i = 0; i < size; ++i) {
    const std::string digits = hex.substr(2 * i, 2);
    seed[sizeof counts + i] = static_cast<unsigned char>(std::strtoul(digits.c_str(), nullptr, 16));
  }
  const Fd fd(::open("/dev/urandom", O_RDWR | O_CLOEXEC));
  if (!fd || ::ioctl(fd.get(), RNDADDENTROPY, seed.data()) != 0) {
    throw RpcError(operation_failed, "cannot seed the random number generator", errno);
  }
}

}  // namespace

void Machine::add_methods(Methods& methods) {
  methods["hello"] = [this](const Json&, const Deferred&) { return hello(); };
  methods["mount_root"] = [this](const Json& params, const Deferred&) {
    return mount_root(params);
  };
  methods["configure"] = [this](const Json& params, const Deferred&) { return configure(params); };
}

const char* Machine::root() const {
  if (root_mounted_) return root_path;
  if (own_) throw RpcError(wrong_state, "no root is mounted");
  return nullptr;
}

Json Machine::hello() const {
  utsname names{};
  ::uname(&names);
  return {{"protocol", agent::protocol::version},
          {"agent", VMKIT_AGENT_VERSION},
          {"kernel", names.release},
          {"architecture", names.machine},
          {"root_mounted", root_mounted_}};
}

Json Machine::mount_root(const Json& params) {
  if (root_mounted_) throw RpcError(wrong_state, "the root is mounted already");
  RootMount root{params.at("serial").get<std::string>(),
                 get_or<std::string>(params, "fs_type", "ext4"),
                 get_or<bool>(params, "read_only", false)};
  guest::mount_root(root);
  root_mounted_ = true;
  return Json::object();
}

Json Machine::configure(const Json& params) {
  if (const auto name = get_or<std::string>(params, "hostname", ""); !name.empty()) {
    if (::sethostname(name.data(), name.size()) != 0) {
      throw RpcError(operation_failed, "cannot set the host name \"" + name + "\"", errno);
    }
  }
  set_clock(get_or<std::int64_t>(params, "time_ns", -1));
  if (const auto seed = get_or<std::string>(params, "random_seed", ""); !seed.empty()) {
    seed_random(seed);
  }
  return Json::object();
}

}  // namespace vmkit::guest
