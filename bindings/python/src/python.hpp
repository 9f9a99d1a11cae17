// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <pybind11/pybind11.h>

namespace vmkit::python {

namespace py = pybind11;

/// True from the moment at which the interpreter begins to end: Python code must not be called from
/// threads of the library any more.
bool is_ending() noexcept;
/// To be called once, with the GIL, before the interpreter ends: see ending.cpp.
void end_everything();

/// Lets other Python threads run while it lives. Unlike pybind11's, its end is safe while the
/// interpreter ends: a thread that may not come back then stays here for good, with all it holds.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked();
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

/// Takes the GIL in any thread, also in those of the library. Throws cancelled while the
/// interpreter ends.
class Locked {
 public:
  Locked();
  ~Locked() { PyGILState_Release(state_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  PyGILState_STATE state_;
};

/// A Python object that is shared with threads of the library; it may be let go in any of them.
class SharedObject {
 public:
  /// With the GIL.
  explicit SharedObject(py::object object);
  /// With the GIL.
  py::handle get() const { return object_.get(); }

 private:
  std::shared_ptr<PyObject> object_;
};

/// `name`, as "oci.Image", of the package vmkit; looked up once. With the GIL.
py::handle python_type(const char* name);

/// Tells sys.unraisablehook of the exception that is being handled: for callbacks that nobody
/// called from Python. With the GIL, in a catch block.
void report_exception(py::handle callback) noexcept;

}  // namespace vmkit::python
