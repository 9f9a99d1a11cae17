// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/json.hpp"

namespace vmkit::guest {

/// What a request about files does, in a worker. `root` is the container's root folder, `stream`
/// the pipe to or from the client, if the operation has one. Throws RpcError, Error or
/// Json::exception.
using FileOperation = agent::Json (*)(const agent::Json& params, int root, int stream);

enum class FileStream { none, to_client, from_client };

struct FileMethod {
  const char* name;
  FileStream stream;
  FileOperation run;
};

/// All of them; docs/formats/agent-protocol.md describes each.
extern const FileMethod file_methods[10];

}  // namespace vmkit::guest
