// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace vmkit::guest {

struct UserIds {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  ///< supplementary
  std::string home = "/";
};

/// Finds "user", "uid", "user:group", "uid:gid" and the mixed forms in the texts of a passwd and a
/// group file, by the rules of the OCI image configuration: a name wins over a number; a user that
/// only exists as a number has group 0; supplementary groups count only if no group is named.
/// `groups` are more of those, by name or number. Throws RpcError bad_user.
UserIds find_user(std::string_view user, const std::vector<std::string>& groups,
                  std::string_view passwd, std::string_view group);

/// Takes on the user, the group and the supplementary groups. Throws RpcError bad_user.
void become(const UserIds& ids);

}  // namespace vmkit::guest
