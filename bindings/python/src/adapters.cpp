// SPDX-License-Identifier: Apache-2.0
#include "adapters.hpp"

#include "base_records.hpp"
#include "oci_records.hpp"

namespace vmkit::python {
namespace {

class PythonLog final : public LogSink {
 public:
  explicit PythonLog(py::object function) : function_(std::move(function)) {}

  void write(const LogRecord& record) noexcept override {
    if (is_ending()) return;
    try {
      const Locked locked;
      try {
        py::dict fields;
        for (const LogField& field : record.fields) {
          fields[to_python(field.key)] = to_python(field.value);
        }
        function_.get()(python_type("base.LogRecord")(
            to_python(record.level), to_python(record.module), to_python(record.message), fields));
      } catch (...) {
        report_exception(function_.get());
      }
    } catch (const Error&) {
      // the interpreter has begun to end just now
    }
  }

 private:
  SharedObject function_;
};

class PythonCredentials final : public oci::CredentialProvider {
 public:
  explicit PythonCredentials(py::object provider) : provider_(std::move(provider)) {}

  std::optional<oci::Credential> find(const oci::CredentialQuery& query,
                                      const CallOptions&) override {
    const Locked locked;
    return named("find()", [&] {
      return from_python<std::optional<oci::Credential>>(
          provider_.get().attr("find")(to_python(query)));
    });
  }

 private:
  SharedObject provider_;
};

}  // namespace

std::shared_ptr<LogSink> Convert<std::shared_ptr<LogSink>>::from(py::handle value) {
  if (value.is_none()) return nullptr;
  if (PyCallable_Check(value.ptr()) == 0) throw_expected("a callable", value);
  return std::make_shared<PythonLog>(py::reinterpret_borrow<py::object>(value));
}

std::shared_ptr<oci::CredentialProvider> Convert<std::shared_ptr<oci::CredentialProvider>>::from(
    py::handle value) {
  if (value.is_none()) return nullptr;
  const py::object handle = handle_of(value);
  if (py::isinstance<Handle<oci::CredentialProvider>>(handle)) {
    return borrow_from<oci::CredentialProvider>(handle).object;
  }
  if (!py::hasattr(value, "find")) throw_expected("an object with find(query)", value);
  return std::make_shared<PythonCredentials>(py::reinterpret_borrow<py::object>(value));
}

py::object Convert<std::shared_ptr<oci::CredentialProvider>>::to(
    std::shared_ptr<oci::CredentialProvider> value) {
  if (!value) return py::none();
  return py::cast(std::make_shared<Handle<oci::CredentialProvider>>(std::move(value)));
}

oci::Reference Convert<oci::Reference>::from(py::handle value) {
  if (PyUnicode_Check(value.ptr())) {
    return oci::Reference::parse(Convert<std::string>::from(value));
  }
  if (!py::isinstance(value, python_type("oci.Reference"))) {
    throw_expected("vmkit.oci.Reference or str", value);
  }
  // A Reference is complete: nothing is to be added.
  return oci::Reference::parse(Convert<std::string>::from(py::str(value)),
                               {.registry = {}, .docker_hub_namespace = {}, .tag = {}});
}

py::object Convert<oci::Reference>::to(const oci::Reference& value) {
  return python_type("oci.Reference")
      .attr("_of")(to_python(value.registry()), to_python(value.repository()),
                   to_python(value.tag()), to_python(value.digest()));
}

}  // namespace vmkit::python
