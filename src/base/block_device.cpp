// SPDX-License-Identifier: Apache-2.0
#include <vmkit/base/block_device.hpp>

namespace vmkit {

BlockDevice::~BlockDevice() = default;

}  // namespace vmkit
