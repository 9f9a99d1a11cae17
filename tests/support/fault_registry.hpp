// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "os/descriptor.hpp"
#include "support/test_image.hpp"

namespace vmkit::test {

struct FaultRequest {
  std::string method;
  std::string target;                          ///< Path and query.
  std::map<std::string, std::string> headers;  ///< By lower-case name.
  std::string body = {};
  bool cut = false;  ///< The body is not all that was announced: see FaultBody.

  std::string header(const std::string& name) const;  ///< Empty if missing.
  bool is_blob() const { return target.find("/blobs/") != std::string::npos; }
  bool is_manifest() const { return target.find("/manifests/") != std::string::npos; }
};

struct FaultResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  /// What Content-Length says; by default the truth.
  std::optional<std::uint64_t> announced_length = {};
  bool announce_length = true;  ///< False: the body ends with the connection.
  /// Close the connection after so many bytes of the header.
  std::optional<std::size_t> cut_header_after = {};
  /// Close the connection after so many bytes of the body.
  std::optional<std::size_t> cut_after = {};
  /// After so many bytes of the body send nothing more, without closing.
  std::optional<std::size_t> stall_after = {};
  /// Send the body byte by byte with this pause after each, for as long as the client stays.
  std::chrono::milliseconds drip{0};
};

/// How the body of a request is taken.
struct FaultBody {
  /// Take so many bytes, then close the connection without an answer.
  std::optional<std::size_t> cut_after = {};
  /// Take so many bytes and no more, without closing.
  std::optional<std::size_t> stall_after = {};
  /// Answer at once, then close the connection.
  bool unread = false;
};

/// A registry on loopback that serves images honestly (plain HTTP; HEAD, GET, Range) until a
/// handler tells it to do otherwise. A thread for each connection; all end with the object.
class FaultRegistry {
 public:
  /// Called for each request, one at a time; nullopt: the honest answer.
  using Handler = std::function<std::optional<FaultResponse>(const FaultRequest&)>;

  FaultRegistry();
  ~FaultRegistry();

  /// "127.0.0.1:PORT".
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  void add_blobs(const std::vector<TestBlob>& blobs);
  /// Serves `manifest` as `tag`, in whatever repository it is asked for.
  void add_tag(const std::string& tag, const TestBlob& manifest);
  void add_image(const std::string& tag, const TestImage& image);
  void set_handler(Handler handler);

  /// Called when the head of a request is there; without one bodies are taken as they come.
  void set_body_plan(std::function<FaultBody(const FaultRequest&)> plan);

  std::vector<FaultRequest> requests() const;
  /// How many requests had `part` in their target.
  std::size_t count(const std::string& part) const;
  void forget_requests();
  std::size_t connection_count() const;

  /// The honest answer, for handlers that change it.
  FaultResponse honest(const FaultRequest& request) const;

 private:
  void accept_connections();
  void serve(int connection);
  bool take_body(int connection, FaultRequest& request, std::string& buffer);
  FaultResponse answer(const FaultRequest& request);
  bool send_response(int connection, const FaultRequest& request, const FaultResponse& response);

  os::Descriptor listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::mutex handler_mutex_;
  std::mutex body_plan_mutex_;
  Handler handler_;
  std::function<FaultBody(const FaultRequest&)> body_plan_;
  std::map<std::string, TestBlob> blobs_;      // by digest
  std::map<std::string, TestBlob> manifests_;  // by tag and by digest
  std::vector<FaultRequest> requests_;
  bool ending_ = false;
  std::set<int> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace vmkit::test
