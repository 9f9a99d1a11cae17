// SPDX-License-Identifier: Apache-2.0
#include "disk_care.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <limits>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <utility>

#include "storage.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr std::int64_t max_freeze_ms = 10LL * 60 * 1000;

Fd open_disk(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw RpcError(operation_failed, "cannot open " + path, errno);
  return fd;
}

/// All or none.
Json freeze_disks() {
  for (const std::string& path : writable_disks()) {
    if (::ioctl(open_disk(path).get(), FIFREEZE, 0) == 0) continue;
    const int failure = errno;
    thaw_disks();
    throw RpcError(failure == EOPNOTSUPP ? not_supported : operation_failed,
                   "cannot freeze the file system at " + path, failure);
  }
  return Json::object();
}

Json trim_disks() {
  std::uint64_t bytes = 0;
  for (const std::string& path : writable_disks()) {
    fstrim_range range{0, std::numeric_limits<std::uint64_t>::max(), 0};
    if (::ioctl(open_disk(path).get(), FITRIM, &range) != 0) {
      throw RpcError(errno == EOPNOTSUPP ? not_supported : operation_failed,
                     "cannot trim the file system at " + path, errno);
    }
    bytes += range.len;
  }
  return {{"bytes", bytes}};
}

}  // namespace

void DiskCare::add_methods(Methods& methods) {
  methods["freeze"] = [this](const Json& params, const Deferred& request) {
    freeze(params, request);
    return std::nullopt;
  };
  methods["thaw"] = [this](const Json&, const Deferred& request) {
    if (!frozen_until_) throw RpcError(wrong_state, "the disks are not frozen");
    if (worker_) {  // freezing them: whoever gave that up must not have to wait for its limit
      waiting_thaw_ = request;
    } else {
      thaw(request);
    }
    return std::nullopt;
  };
  methods["trim"] = [this](const Json&, const Deferred& request) {
    if (frozen_until_) throw RpcError(wrong_state, "the disks are frozen");
    start(Work::trim, request);
    return std::nullopt;
  };
}

void DiskCare::freeze(const Json& params, const Deferred& request) {
  if (frozen_until_) throw RpcError(wrong_state, "the disks are frozen already");
  const auto limit_ms =
      std::clamp<std::int64_t>(params.at("limit_ms").get<std::int64_t>(), 1, max_freeze_ms);
  if (writable_disks().empty()) throw RpcError(wrong_state, "there are no disks to be frozen");
  start(Work::freeze, request);
  frozen_until_ = Clock::now() + std::chrono::milliseconds(limit_ms);
}

void DiskCare::thaw(const std::optional<Deferred>& request) {
  try {
    start(Work::thaw, request);
    frozen_until_.reset();
  } catch (const RpcError& error) {
    if (request) client_.answer_error(*request, error);
    frozen_until_ = Clock::now() + std::chrono::seconds(1);  // then it is tried again
  }
}

void DiskCare::start(Work work, std::optional<Deferred> request) {
  if (worker_) throw RpcError(wrong_state, "the disks are being frozen, thawed or trimmed");
  worker_ = start_worker({}, [work](const std::vector<int>&) {
    if (work == Work::freeze) return freeze_disks();
    if (work == Work::trim) return trim_disks();
    thaw_disks();
    return Json::object();
  });
  work_ = work;
  result_.clear();
  request_ = std::move(request);
}

void DiskCare::watch(PollSet& set) {
  if (worker_ && worker_->result) {
    set.add(worker_->result.get(), POLLIN, [this](short) { read_worker(); });
  }
  // Whoever wanted them frozen may be gone; the guest must not stand still for ever.
  if (frozen_until_ && !worker_) {
    set.add_timer(*frozen_until_, [this](short) {
      if (!frozen_until_ || worker_) return;
      thaw(std::nullopt);
      client_.notify({{"type", "thawed"}});
    });
  }
}

void DiskCare::read_worker() {
  Fd none;
  if (worker_ && worker_->result && read_result(*worker_, result_, none)) worker_->result.reset();
}

// Answered now and not with the result: who hears of the end may ask for the next thing at once.
bool DiskCare::take_child(pid_t pid, int) {
  if (!worker_ || worker_->pid != pid) return false;
  read_worker();
  worker_.reset();
  const auto request = std::exchange(request_, std::nullopt);
  try {
    Json answer = worker_result(result_);
    if (request) client_.answer(*request, std::move(answer));
  } catch (const RpcError& error) {
    if (work_ == Work::freeze) frozen_until_.reset();
    if (request) client_.answer_error(*request, error);
  }
  const auto waiting = std::exchange(waiting_thaw_, std::nullopt);
  if (!waiting) return true;
  if (frozen_until_) {
    thaw(waiting);
  } else {
    client_.answer_error(*waiting, RpcError(wrong_state, "the disks are not frozen"));
  }
  return true;
}

}  // namespace vmkit::guest
