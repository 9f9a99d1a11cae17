// SPDX-License-Identifier: Apache-2.0
#include "terminal/interrupt.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace cli {

Interrupt::Interrupt() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGUSR1);  // our own, to end the thread
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Output into a pipe whose reader is gone must be an error of the write, not the end of the
  // program with a machine still running.
  ::signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread([this, signals] {
    for (;;) {
      int number = 0;
      ::sigwait(&signals, &number);
      if (done_) return;
      if (number == SIGUSR1) continue;
      {
        const std::lock_guard lock(mutex_);
        if (handler_) {
          handler_(number);
          continue;
        }
      }
      if (signal_.exchange(number) != 0) ::_exit(128 + number);
      source_.request_stop();
    }
  });
}

Interrupt::~Interrupt() {
  done_ = true;
  ::pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

Interrupt::Forwarding::Forwarding(const Interrupt& interrupt, std::function<void(int)> handler)
    : interrupt_(interrupt) {
  const std::lock_guard lock(interrupt.mutex_);
  interrupt.handler_ = std::move(handler);
}

Interrupt::Forwarding::~Forwarding() {
  const std::lock_guard lock(interrupt_.mutex_);
  interrupt_.handler_ = nullptr;
}

}  // namespace cli
