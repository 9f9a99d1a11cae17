// SPDX-License-Identifier: Apache-2.0
#include "ext4/commit/transaction.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "ext4/commit/temporary_journal.hpp"
#include "ext4/format/bitmap.hpp"
#include "ext4/format/features.hpp"
#include "ext4/format/journal.hpp"
#include "ext4/format/journal_log.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
