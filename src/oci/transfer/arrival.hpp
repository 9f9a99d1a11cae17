// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "os/file.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/base/stop.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/oci/image_store.hpp>

namespace vmkit::oci {

/// One blob on its way into a store, as its readers see it. Whoever fetches it says how far it is;
/// its readers wait for what they need. Thread-safe.
class Arrival {
 public:
  /// From now on the first `available()` bytes can be read from `file`, which
  /// keeps them unless the arrival fails.
  void begin(os::File file);
  void advance(std::uint64_t available);
  /// The blob is in its store, verified.
  void finish();
  /// It will not come.
  void fail() noexcept;
  /// Has all readers look again whether they are still wanted.
  void wake() noexcept;

 private:
  friend class ArrivalSource;
  enum class State { coming, here, failed };

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<os::File> file_;  // set once
  std::uint64_t available_ = 0;
  State state_ = State::coming;
};

/// Reads a blob while it arrives. Its end is only told when the whole of it was verified. A read
/// throws cancelled when the blob will not come, or after the stop. Confined.
class ArrivalSource : public Source {
 public:
  ArrivalSource(ImageStore store, Descriptor blob, std::shared_ptr<Arrival> arrival,
                const StopToken& stop);
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  /// Returns with the arrival locked; throws after the stop.
  template <class Condition>
  std::unique_lock<std::mutex> wait_until(const Condition& condition) const;
  Error gone(const char* why) const;

  ImageStore store_;
  Descriptor blob_;
  std::shared_ptr<Arrival> arrival_;
  std::uint64_t offset_ = 0;
  std::unique_ptr<Source> stored_;  // once the blob is there, if nothing was read before
  StopToken stop_;
  StopCallback on_stop_;
};

}  // namespace vmkit::oci
