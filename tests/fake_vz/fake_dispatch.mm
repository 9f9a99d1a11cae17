// SPDX-License-Identifier: Apache-2.0
// Serial queues over threads. As with the real ones, a queue has no thread of its own: each time
// that it has something to do it does it in another.
#include "fake_vz/fake_dispatch.hpp"

#import <Foundation/Foundation.h>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <objc/blocks_runtime.h>
#include <thread>

struct FakeQueue {
  std::deque<dispatch_block_t> blocks;
  bool running = false;
  unsigned references = 1;
};

namespace {

std::mutex mutex;  // of all queues: tests are small
std::condition_variable changed;
unsigned busy = 0;  // threads and timers
thread_local dispatch_queue_t current = nullptr;

void forget(std::unique_lock<std::mutex>&, FakeQueue* queue) {
  if (--queue->references == 0) delete queue;
}

void drain(FakeQueue* queue) {
  current = queue;
  std::unique_lock lock(mutex);
  while (!queue->blocks.empty()) {
    dispatch_block_t const block = queue->blocks.front();
    queue->blocks.pop_front();
    lock.unlock();
    @autoreleasepool {
      block();
      Block_release(block);
    }
    lock.lock();
  }
  queue->running = false;
  forget(lock, queue);
  --busy;
  changed.notify_all();
}

/// Takes the block: what it owns may go on the queue only.
void enqueue(FakeQueue* queue, dispatch_block_t block) {
  std::unique_lock lock(mutex);
  queue->blocks.push_back(block);
  if (queue->running) return;
  queue->running = true;
  ++queue->references;
  ++busy;
  std::thread([queue] { drain(queue); }).detach();
}

}  // namespace

dispatch_queue_t dispatch_queue_create(const char*, const void*) {
  return new FakeQueue;
}

void dispatch_retain(dispatch_queue_t queue) {
  std::unique_lock lock(mutex);
  ++queue->references;
}

void dispatch_release(dispatch_queue_t queue) {
  std::unique_lock lock(mutex);
  forget(lock, queue);
}

void dispatch_async(dispatch_queue_t queue, dispatch_block_t block) {
  enqueue(queue, Block_copy(block));
}

void dispatch_sync(dispatch_queue_t queue, dispatch_block_t block) {
  if (current == queue) abort();  // the real one would hang
  struct {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  } state;
  auto* const out = &state;
  dispatch_async(queue, ^{
    block();
    std::lock_guard lock(out->mutex);
    out->done = true;
    out->changed.notify_all();
  });
  std::unique_lock lock(state.mutex);
  state.changed.wait(lock, [&] { return state.done; });
}

namespace fake_vz {

dispatch_queue_t current_queue() {
  return current;
}

void dispatch_later(dispatch_queue_t queue, std::chrono::milliseconds delay,
                    dispatch_block_t block) {
  dispatch_retain(queue);
  dispatch_block_t const copy = Block_copy(block);
  {
    std::unique_lock lock(mutex);
    ++busy;
  }
  std::thread([=] {
    std::this_thread::sleep_for(delay);
    enqueue(queue, copy);
    std::unique_lock lock(mutex);
    forget(lock, queue);
    --busy;
    changed.notify_all();
  }).detach();
}

void wait_until_idle() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [] { return busy == 0; });
}

}  // namespace fake_vz
