// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "convert.hpp"
#include "handles.hpp"

#include <vmkit/base/log.hpp>
#include <vmkit/oci/credentials.hpp>
#include <vmkit/oci/reference.hpp>

// Interfaces of the library that Python objects stand for, and classes that are values in Python.
namespace vmkit::python {

template <>
inline constexpr const char* lent_class<oci::ArrivingLayers> = "oci.ArrivingLayers";

/// A callable that takes a LogRecord. What it raises is reported as unraisable.
template <>
struct Convert<std::shared_ptr<LogSink>> {
  static std::shared_ptr<LogSink> from(py::handle value);
  static py::object to(const std::shared_ptr<LogSink>&) { return py::none(); }
};

/// One of the library's, or any object with find(query).
template <>
struct Convert<std::shared_ptr<oci::CredentialProvider>> {
  static std::shared_ptr<oci::CredentialProvider> from(py::handle value);
  static py::object to(std::shared_ptr<oci::CredentialProvider> value);
};

/// A vmkit.oci.Reference, or text that it can be made of.
template <>
struct Convert<oci::Reference> {
  static oci::Reference from(py::handle value);
  static py::object to(const oci::Reference& value);
};

/// A function for events, of which what it raises is reported as unraisable: nobody waits for it.
template <class Event>
std::function<void(const Event&)> event_handler(const py::object& function) {
  if (PyCallable_Check(function.ptr()) == 0) throw_expected("a callable", function);
  return [shared = SharedObject(function)](const Event& event) {
    if (is_ending()) return;
    const Locked locked;
    try {
      shared.get()(to_python(event));
    } catch (...) {
      report_exception(shared.get());
    }
  };
}

}  // namespace vmkit::python
