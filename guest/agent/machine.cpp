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
  // A generator that runs already, as after a restore, would take it up within a minute only.
  if (::ioctl(fd.get(), RNDRESEEDCRNG) != 0 && errno != ENODATA) {
    throw RpcError(operation_failed, "cannot reseed the random number generator", errno);
  }
}

}  // namespace

void Machine::add_methods(Methods& methods) {
  methods["hello"] = [this](const Json&, const Deferred&) { return hello(); };
  methods["create_container"] = [this](const Json& params, const Deferred&) {
    return create_container(params);
  };
  methods["set_limits"] = [this](const Json& params, const Deferred&) {
    if (Container* const there = container()) there->cgroup().limit(params);
    return Json::object();
  };
  methods["configure"] = [this](const Json& params, const Deferred&) { return configure(params); };
}

Container* Machine::container() {
  if (container_) return &*container_;
  if (own_) throw RpcError(wrong_state, "there is no container yet");
  return nullptr;
}

int Machine::root_fd() {
  if (const Container* const there = container()) return there->root_fd();
  if (!own_root_) own_root_ = Fd(::open(files_root_, O_PATH | O_DIRECTORY | O_CLOEXEC));
  return own_root_.get();
}

Json Machine::hello() const {
  utsname names{};
  ::uname(&names);
  return {{"protocol", agent::protocol::version},
          {"agent", VMKIT_AGENT_VERSION},
          {"kernel", names.release},
          {"architecture", names.machine},
          {"root_mounted", container_.has_value()}};
}

Json Machine::create_container(const Json& params) {
  if (container_) throw RpcError(wrong_state, "there is a container already");
  if (!own_) throw RpcError(wrong_state, "this is no machine");
  container_.emplace(parse_container_spec(params));
  return Json::object();
}

Json Machine::configure(const Json& params) {
  if (const auto name = get_or<std::string>(params, "hostname", ""); !name.empty()) {
    if (container_) {
      container_->set_hostname(name);
    } else if (::sethostname(name.data(), name.size()) != 0) {
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
