// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vmkit::os {

/// The calling thread shall leave the processors to others that have something to do. For the rest
/// of its life: raising a priority again needs a right on Linux. Best effort.
void lower_thread_priority() noexcept;

}  // namespace vmkit::os
