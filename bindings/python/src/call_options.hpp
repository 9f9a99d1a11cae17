// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "convert.hpp"

#include <vmkit/base/call_options.hpp>

namespace vmkit::python {

/// Made by vmkit.base.call_options(): a tuple of the time that the call may take, a StopToken, and
/// a callable for progress, each of which may be None; or None at all.
template <>
struct Convert<CallOptions> {
  static CallOptions from(py::handle value);
};

}  // namespace vmkit::python
