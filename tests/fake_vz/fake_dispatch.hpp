// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <dispatch/dispatch.h>

namespace fake_vz {

/// The queue whose block this thread runs; null for none.
dispatch_queue_t current_queue();

/// Runs the block on the queue after a time.
void dispatch_later(dispatch_queue_t queue, std::chrono::milliseconds delay,
                    dispatch_block_t block);

/// Returns when nothing is queued, running or waiting for its time any more.
void wait_until_idle();

}  // namespace fake_vz
