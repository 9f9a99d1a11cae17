// SPDX-License-Identifier: Apache-2.0
#include "call_options.hpp"

#include "base_records.hpp"
#include "handles.hpp"

namespace vmkit::python {

CallOptions Convert<CallOptions>::from(py::handle value) {
  CallOptions options;
  if (value.is_none()) return options;
  const auto parts = py::reinterpret_borrow<py::tuple>(value);
  if (!py::isinstance<py::tuple>(value) || parts.size() != 3) {
    throw_expected("what vmkit.base.call_options() makes", value);
  }
  using Limit = std::optional<std::chrono::steady_clock::duration>;
  const auto timeout = named("timeout", [&] { return from_python<Limit>(parts[0]); });
  if (timeout) options = options.with_timeout(*timeout);
  if (!parts[1].is_none()) {
    options.stop = named("stop", [&] { return from_python<StopToken>(parts[1]); });
  }
  options.progress = named("progress", [&] { return from_python<ProgressCallback>(parts[2]); });
  return options;
}

}  // namespace vmkit::python
