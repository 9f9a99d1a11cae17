// SPDX-License-Identifier: Apache-2.0
#include "support/fault_registry.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::test {
namespace {

// A client that has gone must not end the test: a flag here, on macOS an option of the socket.
#ifdef SO_NOSIGPIPE
constexpr int no_signal = 0;
#else
constexpr int no_signal = MSG_NOSIGNAL;
#endif

bool send_all(int connection, std::string_view data) {
  while (!data.empty()) {
    const ssize_t count = ::send(connection, data.data(), data.size(), no_signal);
    if (count <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

/// The head of the next request; nullopt when the client has closed. `buffer` keeps what came
/// behind it.
std::optional<FaultRequest> read_request(int connection, std::string& buffer) {
  std::size_t end;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    char piece[4096];
    const ssize_t count = ::recv(connection, piece, sizeof piece, 0);
    if (count <= 0) return std::nullopt;
    buffer.append(piece, static_cast<std::size_t>(count));
    if (buffer.front() == '\x16') {  // a TLS handshake
      send_all(connection, "HTTP/1.1 400 Bad Request\r\n\r\n");
      return std::nullopt;
    }
  }
  FaultRequest request;
  std::string_view head = std::string_view(buffer).substr(0, end);
  for (bool first = true; !head.empty(); first = false) {
    const std::size_t line_end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, line_end);
    if (first) {
      const std::size_t space = line.find(' ');
      request.method = line.substr(0, space);
      request.target = line.substr(space + 1, line.rfind(' ') - space - 1);
    } else if (const std::size_t colon = line.find(": "); colon != line.npos) {
      std::string name(line.substr(0, colon));
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
      request.headers[name] = line.substr(colon + 2);
    }
    head.remove_prefix(std::min(line_end + 2, head.size()));
  }
  buffer.erase(0, end + 4);
  return request;
}

FaultResponse not_found() {
  return {.status = 404,
          .headers = {{"Content-Type", "application/json"}},
          .body = R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"};
}

}  // namespace

std::string FaultRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

FaultRegistry::FaultRegistry() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
  ::fcntl(listener_.get(), F_SETFD, FD_CLOEXEC);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!listener_ || ::bind(listener_.get(), generic, length) != 0 ||
      ::listen(listener_.get(), 64) != 0 || ::getsockname(listener_.get(), generic, &length) != 0) {
    throw Error::from_errno(errno, "listen on loopback");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_connections(); });
}

FaultRegistry::~FaultRegistry() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    for (const int connection : connections_) ::shutdown(connection, SHUT_RDWR);
  }
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
}

void FaultRegistry::add_blobs(const std::vector<TestBlob>& blobs) {
  const std::lock_guard lock(mutex_);
  for (const TestBlob& blob : blobs) blobs_[blob.digest().to_string()] = blob;
}

void FaultRegistry::add_tag(const std::string& tag, const TestBlob& manifest) {
  const std::lock_guard lock(mutex_);
  manifests_[tag] = manifest;
  manifests_[manifest.digest().to_string()] = manifest;
}

void FaultRegistry::add_image(const std::string& tag, const TestImage& image) {
  add_blobs(image.blobs());
  add_tag(tag, image.manifest);
}

void FaultRegistry::set_handler(Handler handler) {
  const std::lock_guard lock(handler_mutex_);
  handler_ = std::move(handler);
}

void FaultRegistry::set_body_plan(std::function<FaultBody(const FaultRequest&)> plan) {
  const std::lock_guard lock(body_plan_mutex_);
  body_plan_ = std::move(plan);
}

std::vector<FaultRequest> FaultRegistry::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t FaultRegistry::count(const std::string& part) const {
  const auto all = requests();
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& request) {
    return request.target.find(part) != std::string::npos;
  }));
}

void FaultRegistry::forget_requests() {
  const std::lock_guard lock(mutex_);
  requests_.clear();
}

std::size_t FaultRegistry::connection_count() const {
  const std::lock_guard lock(mutex_);
  return threads_.size();
}

FaultResponse FaultRegistry::honest(const FaultRequest& request) const {
  const std::lock_guard lock(mutex_);
  const std::string last = request.target.substr(request.target.rfind('/') + 1);
  if (request.is_manifest()) {
    const auto found = manifests_.find(last);
    if (found == manifests_.end()) return not_found();
    return {.headers = {{"Content-Type", found->second.media_type},
                        {"Docker-Content-Digest", found->second.digest().to_string()}},
            .body = found->second.content};
  }
  const auto found = blobs_.find(last);
  if (!request.is_blob() || found == blobs_.end()) return not_found();
  const std::string& content = found->second.content;
  FaultResponse response{.headers = {{"Content-Type", "application/octet-stream"}}};
  const std::string range = request.header("range");
  if (!range.starts_with("bytes=")) {
    response.body = content;
    return response;
  }
  std::size_t first = 0;
  std::from_chars(range.data() + 6, range.data() + range.size(), first);
  if (first >= content.size()) return {.status = 416};
  response.status = 206;
  response.headers.emplace_back("Content-Range", "bytes " + std::to_string(first) + "-" +
                                                     std::to_string(content.size() - 1) + "/" +
                                                     std::to_string(content.size()));
  response.body = content.substr(first);
  return response;
}

void FaultRegistry::accept_connections() {
  for (;;) {
    const int connection = ::accept(listener_.get(), nullptr, nullptr);
    const std::lock_guard lock(mutex_);
    if (ending_ || connection < 0) {
      if (connection >= 0) ::close(connection);
      return;
    }
    ::fcntl(connection, F_SETFD, FD_CLOEXEC);
    const int on = 1;  // head and body are sent apart, and nobody should wait for the second
    ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef SO_NOSIGPIPE
    ::setsockopt(connection, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    connections_.insert(connection);
    threads_.emplace_back([this, connection] { serve(connection); });
  }
}

void FaultRegistry::serve(int connection) {
  std::string buffer;
  while (auto request = read_request(connection, buffer)) {
    if (!take_body(connection, *request, buffer)) break;
    const FaultResponse response = answer(*request);
    if (request->cut || !send_response(connection, *request, response)) break;
  }
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
  ::close(connection);
}

/// False if there is nothing to answer.
bool FaultRegistry::take_body(int connection, FaultRequest& request, std::string& buffer) {
  FaultBody plan;
  {
    const std::lock_guard lock(body_plan_mutex_);
    if (body_plan_) plan = body_plan_(request);
  }
  std::size_t length = 0;
  const std::string announced = request.header("content-length");
  std::from_chars(announced.data(), announced.data() + announced.size(), length);
  if (plan.unread) {
    if (send_response(connection, request, answer(request))) ::shutdown(connection, SHUT_WR);
    return false;
  }
  if (!request.header("expect").empty()) send_all(connection, "HTTP/1.1 100 Continue\r\n\r\n");
  const std::size_t wanted =
      std::min(length, plan.cut_after.value_or(plan.stall_after.value_or(length)));
  while (buffer.size() < wanted) {
    char piece[65536];
    const ssize_t count = ::recv(connection, piece, sizeof piece, 0);
    if (count <= 0) return false;
    buffer.append(piece, static_cast<std::size_t>(count));
  }
  if (plan.stall_after) {
    for (;;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      const std::lock_guard lock(mutex_);
      if (ending_) return false;
    }
  }
  request.body = buffer.substr(0, wanted);
  request.cut = plan.cut_after.has_value();
  buffer.erase(0, wanted);
  return true;
}

FaultResponse FaultRegistry::answer(const FaultRequest& request) {
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  const std::lock_guard lock(handler_mutex_);
  if (handler_) {
    if (auto response = handler_(request)) return *std::move(response);
  }
  return honest(request);
}

bool FaultRegistry::send_response(int connection, const FaultRequest& request,
                                  const FaultResponse& response) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " X\r\n";
  for (const auto& [name, value] : response.headers) head += name + ": " + value + "\r\n";
  if (response.announce_length) {
    head += "Content-Length: " +
            std::to_string(response.announced_length.value_or(response.body.size())) + "\r\n";
  } else {
    head += "Connection: close\r\n";
  }
  head += "\r\n";
  if (response.cut_header_after) {
    send_all(connection, std::string_view(head).substr(0, *response.cut_header_after));
    return false;
  }
  if (!send_all(connection, head)) return false;
  if (request.method == "HEAD") return true;
  const std::size_t length =
      std::min({response.body.size(), response.cut_after.value_or(response.body.size()),
                response.stall_after.value_or(response.body.size())});
  const auto body = std::string_view(response.body).substr(0, length);
  if (response.drip.count() == 0) {
    if (!send_all(connection, body)) return false;
  } else {
    for (const char& byte : body) {
      if (!send_all(connection, {&byte, 1})) return false;
      std::this_thread::sleep_for(response.drip);
    }
  }
  if (response.stall_after) {
    char ignored;
    while (::recv(connection, &ignored, 1, 0) > 0) {
      // Until the client gives up or the registry ends.
    }
    return false;
  }
  return !response.cut_after && response.announce_length;
}

}  // namespace vmkit::test
