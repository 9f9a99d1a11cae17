// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <stdexcept>
#include <vector>

#include <vmkit/base/progress.hpp>

using namespace vmkit;

TEST_CASE("progress: many steps, few reports, and the last one is the whole truth") {
  std::vector<std::uint64_t> seen;
  const ProgressCallback callback = [&](const Progress& progress) {
    CHECK(progress.phase == "pull");
    CHECK(progress.subject == "layer");
    CHECK(progress.total == 100000);
    seen.push_back(progress.done);
  };
  ProgressMeter meter(callback, "pull", "layer", ProgressUnit::bytes, 100000);
  for (int i = 0; i < 100000; ++i) meter.add(1);
  meter.flush();
  CHECK(seen.front() == 1);
  CHECK(seen.back() == 100000);
  CHECK(seen.size() < 1000);
}

TEST_CASE("progress: no callback is fine, an exception comes back") {
  const ProgressCallback none;
  ProgressMeter(none, "a", "b", ProgressUnit::bytes, 0).add(1);
  const ProgressCallback thrower = [](const Progress&) { throw std::runtime_error("enough"); };
  ProgressMeter meter(thrower, "a", "b", ProgressUnit::bytes, 0);
  CHECK_THROWS_AS(meter.add(1), std::runtime_error);
}
