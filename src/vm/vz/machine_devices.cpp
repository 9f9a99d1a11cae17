// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "vm/files.hpp"
#include "vm/vz/machine.hpp"
#include "vm/vz/planning.hpp"
#include "vm/vz/vsock_listener.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::vz {

std::unique_ptr<Stream> VzMachine::open_port(std::string_view name, const CallOptions&) {
  const std::string what = name_ + ": port " + std::string(name);
  std::lock_guard lock(mutex_);
  for (std::size_t i = 0; run_ != nullptr && i < config_.ports.size(); ++i) {
    if (config_.ports[i].name != name) continue;
    try {
      return run_->ports()[i]->connect();
    } catch (const Error& error) {
      throw error.with_context(what);
    }
  }
  throw Error(Errc::unavailable, what + ": the machine is not there yet, or no more");
}

std::unique_ptr<Stream> VzMachine::connect_vsock(std::uint32_t port, const CallOptions& options) {
  const std::string what = name_ + ": connect to vsock port " + std::to_string(port);
  // Shared with the task, which may come to its end after this call was given up.
  const auto connection = std::make_shared<std::shared_ptr<VsockConnection>>();
  ask(what, options, [=](Run& run, const RequestHandle& handle) {
    run.machine()->connect(port, [=](Result<std::shared_ptr<VsockConnection>> result) {
      if (!result) return handle->finish(result.error().with_context(what));
      *connection = std::move(result.value());
      handle->finish(std::nullopt);
    });
  });
  return make_vsock_stream(std::move(**connection));
}

std::unique_ptr<VsockListener> VzMachine::listen_vsock(std::uint32_t port,
                                                       const CallOptions& options) {
  const std::string what = name_ + ": listen on vsock port " + std::to_string(port);
  const auto backlog = std::make_shared<VsockBacklog>();
  // Shared with the task. It may run when there is nothing left to be stopped.
  const auto stop = std::make_shared<std::function<void()>>();
  try {
    ask(what, options, [=](Run& run, const RequestHandle& handle) {
      auto& listener = run.listeners[port];
      if (listener && !listener->is_closed()) {
        return handle->finish(Error(Errc::already_exists, what + ": there is a listener already"));
      }
      listener = backlog;
      *stop = [&run, inbox = run.inbox(), port, backlog] {
        inbox->post([&run, port, backlog] {
          const auto found = run.listeners.find(port);
          if (found == run.listeners.end() || found->second != backlog) return;
          run.listeners.erase(found);
          if (run.machine() != nullptr) run.machine()->stop_listening(port);
        });
      };
      run.machine()->listen(
          port, [backlog](auto connection) { return backlog->offer(std::move(connection)); },
          answer(run, what, handle, nullptr));
    });
  } catch (...) {
    backlog->close();  // which makes room for another
    throw;
  }
  return std::make_unique<VzVsockListener>(what, backlog, *stop);
}

void VzMachine::set_share(const Share& share, const CallOptions& options) {
  if (share.transport == ShareTransport::plan9) {
    throw Error(Errc::invalid_argument,
                name_ + ": share " + share.tag + ": Virtualization.framework has no 9p");
  }
  detail::check_share(share);
  const auto call = [planned = PlannedShare{share.tag, share.path, share.read_only}](
                        VirtualMachine& machine, Completion done) {
    machine.set_share(planned, std::move(done));
  };
  ask(name_ + ": share " + share.tag, options, call, nullptr);
}

void VzMachine::attach_disk(const Disk& disk, const CallOptions& options) {
  const std::string what = name_ + ": attach disk " + disk.identifier;
  require(Feature::disk_hotplug, what + ": ");
  if (!disk.nbd.empty()) require(Feature::network_disks, what + ": ");
  detail::check_disk(disk, what);
  Planning planning{config_, mac_};
  const auto task = [what, name = disk.identifier, planned = plan_disk(planning, disk, "disk")](
                        Run& run, const RequestHandle& handle) {
    if (!run.attached_disks.insert(name).second) {
      return handle->finish(Error(Errc::already_exists, what + ": there is one of that name"));
    }
    run.machine()->attach_disk(name, planned,
                               answer(run, what, handle, [name](Run& its_run, bool success) {
                                 if (!success) its_run.attached_disks.erase(name);
                               }));
  };
  ask(what, options, task);
}

void VzMachine::detach_disk(std::string_view identifier, const CallOptions& options) {
  const std::string name(identifier);
  const std::string what = name_ + ": detach disk " + name;
  ask(what, options, [=](Run& run, const RequestHandle& handle) {
    if (run.attached_disks.count(name) == 0) {
      return handle->finish(Error(Errc::not_found, what + ": none of that name was attached"));
    }
    run.machine()->detach_disk(name, answer(run, what, handle, [name](Run& its_run, bool success) {
                                 if (success) its_run.attached_disks.erase(name);
                               }));
  });
}

void VzMachine::set_memory_target(ByteSize target, const CallOptions& options) {
  const std::string what = name_ + ": memory target";
  if (target < mac_.least_memory) {
    throw Error(Errc::invalid_argument, what + ": expected at least " +
                                            vmkit::to_string(mac_.least_memory) +
                                            " on this Mac, found " + vmkit::to_string(target));
  }
  const auto call = [target](VirtualMachine& machine, Completion done) {
    machine.set_memory_target(target, std::move(done));
  };
  ask(what, options, call, nullptr);
}

}  // namespace vmkit::vm::vz
