// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fd.hpp"

namespace vmkit::guest {

struct TerminalSize {
  unsigned rows;
  unsigned columns;
};

/// A new pseudo-terminal; our end does not block.
struct Terminal {
  Fd ours;
  Fd theirs;
};

/// Opens it in the devpts of the container whose root folder is `root`, so that the process finds
/// its terminal by name; without a container in that of the system. Throws RpcError.
Terminal open_terminal(int root, bool in_container, TerminalSize size);

/// Throws RpcError invalid_params for a size that no terminal can have.
void set_size(int terminal, TerminalSize size);

}  // namespace vmkit::guest
