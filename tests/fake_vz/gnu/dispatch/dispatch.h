// SPDX-License-Identifier: Apache-2.0
// As much of libdispatch as the backend for Virtualization.framework uses; see fake_dispatch.mm.
#pragma once

struct FakeQueue;
typedef FakeQueue* dispatch_queue_t;
typedef void (^dispatch_block_t)(void);
#define DISPATCH_QUEUE_SERIAL nullptr

dispatch_queue_t dispatch_queue_create(const char* label, const void* attributes);
void dispatch_retain(dispatch_queue_t queue);
void dispatch_release(dispatch_queue_t queue);
void dispatch_async(dispatch_queue_t queue, dispatch_block_t block);
void dispatch_sync(dispatch_queue_t queue, dispatch_block_t block);
