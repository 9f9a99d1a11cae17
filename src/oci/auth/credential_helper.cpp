// SPDX-License-Identifier: Apache-2.0
#include "oci/auth/credential_helper.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <unistd.h>

#include "oci/document/json.hpp"
#include "os/child_process.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

constexpr ByteSize longest_output = 64_KiB;
/// So much fits into any pipe before somebody reads.
constexpr std::size_t longest_server = 512;
/// How helpers say that the secret is an identity token.
constexpr std::string_view token_username = "<token>";

/// All helpers made with Docker's library say it so, on standard output, and exit with 1.
bool says_not_found(const os::Output& output) {
  return output.out.starts_with("credentials not found") ||
         output.err.starts_with("credentials not found");
}

os::Output run_helper(const std::string& program, const std::string& path,
                      const std::string& server, const CredentialHelperOptions& helpers,
                      const CallOptions& options) {
  os::DescriptorPair input = os::make_pipe();
  if (::write(input.second.get(), server.data(), server.size()) !=
      static_cast<ssize_t>(server.size())) {
    throw Error::from_errno(errno, "write to the input of " + program);
  }
  input.second.reset();
  os::SpawnOptions spawn{.arguments = {path, "get"},
                         .environment = helpers.environment,
                         .stdin_fd = input.first.get()};
  if (helpers.environment.empty()) spawn.environment = {"PATH=" + helpers.path};
  const auto last_moment = std::chrono::steady_clock::now() + helpers.time_limit;
  try {
    return os::run(spawn, longest_output, options.with_timeout(helpers.time_limit));
  } catch (const Error& error) {
    const bool callers_own = options.deadline && *options.deadline <= last_moment;
    if (error.code() != Errc::timeout || callers_own) throw;
    throw Error(Errc::timeout, program + ": gave no answer within " +
                                   std::to_string(helpers.time_limit.count()) +
                                   " ms and was ended");
  }
}

}  // namespace

bool is_helper_name(const std::string& name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

std::optional<Credential> ask_credential_helper(const std::string& name, const std::string& server,
                                                const CredentialHelperOptions& helpers,
                                                const CallOptions& options) {
  const std::string program = "docker-credential-" + name;
  const auto path = os::find_program(program, helpers.path);
  if (!path) {
    throw Error(Errc::not_found, program + ": no such program in " + helpers.path +
                                     " (install it, or give its folder as the helpers' path)");
  }
  if (server.size() > longest_server) {
    throw Error(Errc::invalid_argument, program + ": the registry's name is too long for a helper");
  }
  const os::Output output = run_helper(program, path->string(), server, helpers, options);
  if (!output.status.success()) {
    if (says_not_found(output)) return std::nullopt;
    // What it printed could be the secret, and is not shown.
    throw Error(Errc::unavailable, program + " get, for " + server + ": " +
                                       os::to_string(output.status) +
                                       "; run it by hand to see what it says");
  }
  const std::string what = "answer of " + program + " for " + server;
  const auto json = parse_json(output.out, what, {.size = longest_output, .depth = 4});
  const JsonObject document(json, what);
  const std::string username = document.text("Username");
  const std::string secret = document.required_text("Secret");
  if (secret.empty()) return std::nullopt;
  if (username == token_username) return Credential{.identity_token = secret};
  return Credential{.username = username, .password = secret};
}

}  // namespace vmkit::oci
