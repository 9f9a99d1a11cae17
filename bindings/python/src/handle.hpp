// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "python.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::python {

/// Which classes of the library Python has handles of. `confined` ones are used by one thread at a
/// time: calls of several wait for each other here, since Python threads must never be able to
/// break C++.
template <class T>
struct HandleInfo {
  static constexpr bool is_handle = false;
};

#define VMKIT_HANDLE(type, python_name, is_confined) \
  template <>                                        \
  struct vmkit::python::HandleInfo<type> {           \
    static constexpr bool is_handle = true;          \
    static constexpr bool confined = is_confined;    \
    static constexpr const char* name = python_name; \
  }

/// An object of the library while a call uses it, whatever other threads close meanwhile.
template <class T>
struct Borrowed {
  std::shared_ptr<T> object;
  std::shared_ptr<std::recursive_mutex> mutex;  // of confined ones
};

/// All handles there are, to be closed before the interpreter ends. Guarded by the GIL.
class HandleBase {
 public:
  HandleBase();
  virtual ~HandleBase();
  HandleBase(const HandleBase&) = delete;
  HandleBase& operator=(const HandleBase&) = delete;

  virtual void close() = 0;
  static void close_all();
};

/// What a Python object holds of one in the library. All with the GIL.
template <class T>
class Handle final : public HandleBase {
 public:
  explicit Handle(std::shared_ptr<T> object) : object_(std::move(object)) {
    if constexpr (HandleInfo<T>::confined) mutex_ = std::make_shared<std::recursive_mutex>();
  }
  /// Of an object that is confined together with another one.
  Handle(std::shared_ptr<T> object, std::shared_ptr<std::recursive_mutex> mutex)
      : object_(std::move(object)), mutex_(std::move(mutex)) {}
  ~Handle() override { close(); }

  /// Throws failed_precondition after close().
  Borrowed<T> borrow() const {
    if (!object_) {
      throw Error(Errc::failed_precondition, std::string(HandleInfo<T>::name) + " is closed");
    }
    return {object_, mutex_};
  }
  bool closed() const { return !object_; }

  /// Lets go of the object: at once, or when the calls that other threads are in are over. May be
  /// called again.
  void close() override {
    std::shared_ptr<T> object = std::move(object_);
    if (!object) return;
    const auto mutex = mutex_;
    const Unlocked unlocked;  // destructors may take their time, and wait for Python callbacks
    std::unique_lock<std::recursive_mutex> lock;
    if (mutex) lock = std::unique_lock(*mutex);
    object.reset();
  }

 private:
  std::shared_ptr<T> object_;
  std::shared_ptr<std::recursive_mutex> mutex_;
};

/// A handle of something that is there during a callback only. With the GIL; the end waits until no
/// other thread uses it.
template <class T>
class Lent {
 public:
  explicit Lent(T& object)
      : object_(&object, [](T*) {}), handle_(py::cast(std::make_shared<Handle<T>>(object_))) {}
  ~Lent();
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  py::object get() const { return handle_; }

 private:
  std::shared_ptr<T> object_;
  py::object handle_;
};

/// Waits, without the GIL, until `used` says no. For Lent.
void wait_while(bool (*used)(const void*), const void* argument);

template <class T>
Lent<T>::~Lent() {
  handle_.template cast<Handle<T>&>().close();
  wait_while(
      [](const void* object) {
        return static_cast<const std::shared_ptr<T>*>(object)->use_count() > 1;
      },
      &object_);
}

/// The Python class of handles of T: `_vmkit.NAME` with close() and `closed`.
template <class T>
auto bind_handle(py::module_& m) {
  return py::class_<Handle<T>, std::shared_ptr<Handle<T>>>(m, HandleInfo<T>::name)
      .def("close", &Handle<T>::close)
      .def_property_readonly("closed", &Handle<T>::closed);
}

}  // namespace vmkit::python
