// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "streams.hpp"

#include <vmkit/agent/forward.hpp>

namespace vmkit::python {

/// A ByteStream.
template <>
struct Convert<std::unique_ptr<agent::Connection>> {
  static py::object to(std::unique_ptr<agent::Connection> value) {
    const std::shared_ptr<agent::Connection> connection = std::move(value);
    auto stream = std::make_shared<ByteStream>();
    stream->read = [connection](std::span<std::byte> buffer, const CallOptions& options) {
      return connection->read(buffer, options);
    };
    stream->write = [connection](std::span<const std::byte> data, const CallOptions& options) {
      connection->write(data, options);
    };
    stream->close_write = [connection] { connection->close_write(); };
    stream->close = [connection] { connection->close(); };
    return to_python(std::move(stream));
  }
};

}  // namespace vmkit::python
