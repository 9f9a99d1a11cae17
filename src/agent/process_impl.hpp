// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "agent/input_pipe.hpp"
#include "agent/link.hpp"
#include "agent/output_pipe.hpp"

#include <vmkit/agent/process.hpp>

namespace vmkit::agent {

/// A process and its ends of the standard streams, over all sessions. Thread-safe.
class Process::Impl final : public Resumable, public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(std::shared_ptr<Link> its_link) : link(std::move(its_link)) {}
  ~Impl() override;

  /// Starts the process and waits until it runs.
  static std::shared_ptr<Impl> spawn(const std::shared_ptr<Link>& link, const ProcessSpec& spec,
                                     const CallOptions& options);
  /// Finds one that runs already.
  static std::shared_ptr<Impl> attach(const std::shared_ptr<Link>& link, std::uint64_t handle,
                                      const AttachOptions& attach, const CallOptions& options);

  void resume(const std::shared_ptr<Mux>& mux) override;
  void name_late_readers(std::vector<std::uint64_t>& numbers) override;
  void lose(const Error& cause) noexcept override;

  const std::shared_ptr<Link> link;
  std::uint64_t handle = 0;  // set once
  std::int64_t pid = 0;
  /// Sent when the process was started, so that its end is known as soon as it comes.
  RpcClient::CallPtr exit;
  std::unique_ptr<ProcessInput> input;
  std::unique_ptr<ProcessOutput> output;
  std::unique_ptr<ProcessOutput> error;

 private:
  void make_pipes(bool input, bool output, bool error, std::size_t ring_bytes);
  void open_streams(Json& stdio, Mux& mux);
  void reattach(const std::shared_ptr<Mux>& mux);
  void start(std::uint64_t its_handle, std::int64_t its_pid);

  std::shared_ptr<InputPipe> input_pipe_;
  std::shared_ptr<OutputPipe> output_pipe_;
  std::shared_ptr<OutputPipe> error_pipe_;
  std::mutex mutex_;               // guards what follows
  std::weak_ptr<Mux> streams_of_;  // whose streams the pipes have
  bool started_ = false;           // the handle is known
};

}  // namespace vmkit::agent
