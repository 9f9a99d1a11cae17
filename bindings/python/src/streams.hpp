// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>

#include "convert.hpp"

#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::python {

/// Whatever Python reads from or writes to in the library: a Source, a Stream, a process's output.
/// What is empty it cannot do. One thread at a time reads, one writes: others wait.
struct ByteStream {
  std::function<std::size_t(std::span<std::byte>, const CallOptions&)> read = {};
  std::function<void(std::span<const std::byte>, const CallOptions&)> write = {};
  std::function<void()> close_write = {};
  /// Ends what waits in other threads, where the library can do that.
  std::function<void()> close = {};
  /// For Ctrl-C where neither `read` nor `write` minds a stop.
  std::function<void()> interrupt = {};
  std::mutex reading = {};
  std::mutex writing = {};
};

std::shared_ptr<ByteStream> stream_of(std::shared_ptr<Source> source);
std::shared_ptr<ByteStream> stream_of(std::shared_ptr<Stream> stream);

/// A stream of the library that holds the options with which it was opened: `open` is given such
/// that Ctrl-C in a later read stops it.
std::shared_ptr<ByteStream> stream_with_stop(
    const std::function<std::unique_ptr<Source>(const CallOptions&)>& open,
    const CallOptions& options);

}  // namespace vmkit::python

VMKIT_HANDLE(vmkit::Sink, "Sink", true);
VMKIT_HANDLE(vmkit::python::ByteStream, "ByteStream", false);

namespace vmkit::python {

template <>
inline constexpr const char* lent_class<Sink> = "base.SinkWriter";

/// A Python object with read(n) or readinto(buffer), as binary files have them.
template <>
struct Convert<std::unique_ptr<Source>> {
  static std::unique_ptr<Source> from(py::handle value);
  static py::object to(std::unique_ptr<Source> value);
};

template <>
struct Convert<std::unique_ptr<Stream>> {
  static py::object to(std::unique_ptr<Stream> value);
};

/// A Python object with write(bytes).
template <>
struct Convert<std::unique_ptr<Sink>> {
  static std::unique_ptr<Sink> from(py::handle value);
};

}  // namespace vmkit::python
