// SPDX-License-Identifier: Apache-2.0
#include "python.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <unordered_map>

#include "handle.hpp"
#include "running_call.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::python {
namespace {

std::atomic<bool> ending = false;

bool interpreter_finalizes() noexcept {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

PyGILState_STATE ensure_unless_ending() {
  if (is_ending()) throw Error(Errc::cancelled, "the Python interpreter ends");
  return PyGILState_Ensure();
}

}  // namespace

bool is_ending() noexcept {
  return ending || interpreter_finalizes();
}

void end_everything() {
  stop_running_calls();
  // Containers, machines and subscriptions end while their threads can still take the GIL.
  HandleBase::close_all();
  ending = true;
}

Unlocked::~Unlocked() {
  // Python would end this thread in the middle of C++. The main thread always gets back.
  while (interpreter_finalizes() && !is_main_thread()) {
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
  PyEval_RestoreThread(state_);
}

Locked::Locked() : state_(ensure_unless_ending()) {}

SharedObject::SharedObject(py::object object)
    : object_(object.release().ptr(), [](PyObject* pointer) {
        if (is_ending()) return;  // left to the end of the process
        const PyGILState_STATE state = PyGILState_Ensure();
        Py_DECREF(pointer);
        PyGILState_Release(state);
      }) {}

py::handle python_type(const char* name) {
  // Never destroyed: the types may be asked for while the interpreter ends.
  static auto& types = *new std::unordered_map<std::string, py::object>;
  auto found = types.find(name);
  if (found == types.end()) {
    const std::string full = name;
    const auto dot = full.find('.');
    py::object type =
        py::module_::import(("vmkit." + full.substr(0, dot)).c_str()).attr(full.c_str() + dot + 1);
    found = types.emplace(full, std::move(type)).first;
  }
  return found->second;
}

void report_exception(py::handle callback) noexcept {
  try {
    throw;
  } catch (py::error_already_set& error) {
    error.restore();
    PyErr_WriteUnraisable(callback.ptr());
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
    PyErr_WriteUnraisable(callback.ptr());
  }
}

}  // namespace vmkit::python
