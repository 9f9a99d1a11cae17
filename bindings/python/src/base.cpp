// SPDX-License-Identifier: Apache-2.0
#include "base_records.hpp"
#include "bind.hpp"
#include "handles.hpp"
#include "modules.hpp"

#include <vmkit/base/architecture.hpp>

namespace vmkit::python {
namespace {

void bind_stop(py::module_& m) {
  bind_handle<StopToken>(m)
      .def("stop_requested", wrap(&StopToken::stop_requested))
      .def("stop_possible", wrap(&StopToken::stop_possible))
      .def("wait_for", wrap([](const StopToken& token, std::chrono::milliseconds duration,
                               const CallOptions& options) {
             // In pieces, since the stop of Ctrl-C is another one.
             const auto end = std::chrono::steady_clock::now() + duration;
             while (!options.stop.stop_requested()) {
               const auto left = end - std::chrono::steady_clock::now();
               if (left <= left.zero()) break;
               if (token.wait_for(std::min<std::chrono::steady_clock::duration>(
                       left, std::chrono::milliseconds(50)))) {
                 break;
               }
             }
             return token.stop_requested();
           }));
  bind_handle<StopSource>(m)
      .def("token", wrap(&StopSource::token))
      .def("request_stop", wrap(&StopSource::request_stop));
  m.def("make_stop_source", wrap([] { return StopSource(); }));

  bind_handle<StopCallback>(m);
  m.def("make_stop_callback", [](const py::object& token, const py::object& function) {
    if (PyCallable_Check(function.ptr()) == 0) throw_expected("a callable", function);
    const auto borrowed = borrow_from<StopToken>(token);
    const std::function<void()> callback = [shared = SharedObject(function)] {
      if (is_ending()) return;
      const Locked locked;
      try {
        shared.get()();
      } catch (...) {
        report_exception(shared.get());
      }
    };
    const Unlocked unlocked;  // it may run at once
    auto made = std::make_shared<StopCallback>(*borrowed.object, callback);
    const Locked locked;
    return to_python(std::move(made));
  });
}

}  // namespace

void bind_base(py::module_& m) {
  bind_stop(m);
  bind_handle<Hasher>(m)
      .def("update",
           wrap([](Hasher& hasher, const std::vector<std::byte>& data) { hasher.update(data); }))
      .def("finish", wrap(&Hasher::finish));
  m.def("make_hasher", wrap([](DigestAlgorithm algorithm) { return Hasher(algorithm); }));
  m.def("check_digest",
        wrap([](std::string_view text) { return Digest::parse(text).to_string(); }));
  m.def("parse_size", wrap(&ByteSize::parse));
  m.def("format_size", wrap([](ByteSize size) { return to_string(size); }));
  m.def("host_architecture", wrap(&host_architecture));
}

}  // namespace vmkit::python
