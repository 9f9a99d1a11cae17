// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmkit::oci {

/// The scopes ("repository:NAME:pull,push") in both lists, whose items are separated by blanks:
/// those of `wanted` first, each resource once, with the actions of all. Of `challenged`, which a
/// server names, at most 16 are taken.
std::vector<std::string> merged_scopes(std::string_view wanted, std::string_view challenged);

/// "library/alpine" of "repository:library/alpine:pull …"; empty if the first is another resource.
std::string repository_of_scope(std::string_view scope);

}  // namespace vmkit::oci
