// SPDX-License-Identifier: Apache-2.0
#include "convert.hpp"

#include <cmath>

namespace vmkit::python {

void throw_expected(const char* what, py::handle found) {
  throw py::type_error(std::string("expected ") + what + ", found " +
                       Py_TYPE(found.ptr())->tp_name);
}

void throw_argument_count(std::size_t expected, std::size_t found) {
  throw py::type_error("expected " + std::to_string(expected) + " arguments, found " +
                       std::to_string(found));
}

bool Convert<bool>::from(py::handle value) {
  if (!PyBool_Check(value.ptr())) throw_expected("bool", value);
  return value.ptr() == Py_True;
}

namespace {

py::object index_of(py::handle value) {
  if (PyBool_Check(value.ptr()) || PyIndex_Check(value.ptr()) == 0) throw_expected("int", value);
  auto index = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!index) throw py::error_already_set();
  return index;
}

[[noreturn]] void throw_out_of_range(py::handle value, const std::string& least,
                                     const std::string& most) {
  throw Error(Errc::invalid_argument, "expected an int from " + least + " to " + most + ", found " +
                                          py::str(value).cast<std::string>());
}

}  // namespace

std::int64_t signed_from(py::handle value, std::int64_t least, std::int64_t most) {
  const py::object index = index_of(value);
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow != 0 || number < least || number > most) {
    throw_out_of_range(index, std::to_string(least), std::to_string(most));
  }
  return number;
}

std::uint64_t unsigned_from(py::handle value, std::uint64_t most) {
  const py::object index = index_of(value);
  const unsigned long long number = PyLong_AsUnsignedLongLong(index.ptr());
  const bool overflow = PyErr_Occurred() != nullptr;
  PyErr_Clear();
  if (overflow || number > most) throw_out_of_range(index, "0", std::to_string(most));
  return number;
}

double Convert<double>::from(py::handle value) {
  if (!PyFloat_Check(value.ptr()) && PyIndex_Check(value.ptr()) == 0) {
    throw_expected("float", value);
  }
  const double number = PyFloat_AsDouble(value.ptr());
  if (number == -1.0 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return number;
}

std::string Convert<std::string>::from(py::handle value) {
  if (!PyUnicode_Check(value.ptr())) throw_expected("str", value);
  const auto bytes = py::reinterpret_steal<py::bytes>(
      PyUnicode_AsEncodedString(value.ptr(), "utf-8", "surrogateescape"));
  if (!bytes) throw py::error_already_set();
  return std::string(std::string_view(bytes));
}

py::object Convert<std::string>::to(std::string_view value) {
  auto text = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "surrogateescape"));
  if (!text) throw py::error_already_set();
  return text;
}

std::filesystem::path Convert<std::filesystem::path>::from(py::handle value) {
  if (value.is_none()) return {};
  // Bytes are content, where both can be.
  const auto text = PyBytes_Check(value.ptr())
                        ? py::object()
                        : py::reinterpret_steal<py::object>(PyOS_FSPath(value.ptr()));
  if (!text) {
    PyErr_Clear();
    throw_expected("str or os.PathLike", value);
  }
  if (PyBytes_Check(text.ptr())) return std::string(std::string_view(py::bytes(text)));
  return Convert<std::string>::from(text);
}

py::object Convert<std::filesystem::path>::to(const std::filesystem::path& value) {
  if (value.empty()) return py::none();
  return python_type("base.Path")(Convert<std::string>::to(value.native()));
}

ByteSize Convert<ByteSize>::from(py::handle value) {
  if (PyUnicode_Check(value.ptr())) return ByteSize::parse(Convert<std::string>::from(value));
  if (PyBool_Check(value.ptr()) || PyIndex_Check(value.ptr()) == 0) {
    throw_expected("a size: int or str as \"2GiB\"", value);
  }
  return ByteSize(unsigned_from(value, std::numeric_limits<std::uint64_t>::max()));
}

Digest Convert<Digest>::from(py::handle value) {
  return Digest::parse(Convert<std::string>::from(value));
}

py::object Convert<Digest>::to(const Digest& value) {
  return python_type("base.Digest")(Convert<std::string>::to(value.to_string()));
}

double seconds_from(py::handle value) {
  double seconds = 0;
  if (py::isinstance(value, python_type("base.timedelta"))) {
    seconds = value.attr("total_seconds")().cast<double>();
  } else if (!PyBool_Check(value.ptr()) &&
             (PyFloat_Check(value.ptr()) || PyIndex_Check(value.ptr()) != 0)) {
    seconds = Convert<double>::from(value);
  } else {
    throw_expected("seconds: int, float or datetime.timedelta", value);
  }
  if (std::isnan(seconds)) throw Error(Errc::invalid_argument, "a time that is not a number");
  return seconds;
}

std::chrono::system_clock::time_point Convert<std::chrono::system_clock::time_point>::from(
    py::handle value) {
  if (!py::isinstance(value, python_type("base.datetime"))) {
    throw_expected("datetime.datetime", value);
  }
  if (value.attr("tzinfo").is_none()) {
    throw Error(Errc::invalid_argument,
                "a datetime without a time zone; give one, as datetime.UTC");
  }
  // Microseconds, exactly: a double of seconds has not all of them.
  const py::object since = value - python_type("base.EPOCH");
  const std::chrono::microseconds time =
      std::chrono::hours(24) * since.attr("days").cast<long>() +
      std::chrono::seconds(since.attr("seconds").cast<long>()) +
      std::chrono::microseconds(since.attr("microseconds").cast<long>());
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(time));
}

py::object Convert<std::chrono::system_clock::time_point>::to(
    std::chrono::system_clock::time_point value) {
  const auto time = std::chrono::floor<std::chrono::microseconds>(value.time_since_epoch()).count();
  const py::object since = python_type("base.timedelta")(py::arg("microseconds") = time);
  return python_type("base.EPOCH") + since;
}

// C++20's clock_cast is not in every library that vmkit is built with.
std::filesystem::file_time_type Convert<std::filesystem::file_time_type>::from(py::handle value) {
  const auto age = std::chrono::system_clock::now() -
                   Convert<std::chrono::system_clock::time_point>::from(value);
  return std::filesystem::file_time_type::clock::now() -
         std::chrono::duration_cast<std::filesystem::file_time_type::duration>(age);
}

py::object Convert<std::filesystem::file_time_type>::to(std::filesystem::file_time_type value) {
  const auto age = std::filesystem::file_time_type::clock::now() - value;
  return Convert<std::chrono::system_clock::time_point>::to(
      std::chrono::system_clock::now() -
      std::chrono::duration_cast<std::chrono::system_clock::duration>(age));
}

py::object Convert<Error>::to(const Error& error) {
  const py::object native =
      error.native()
          ? py::object(py::make_tuple(to_string(error.native()->domain), error.native()->code))
          : py::object(py::none());
  return python_type("errors.from_native")(static_cast<int>(error.code()),
                                           Convert<std::string>::to(error.what()), native);
}

std::vector<std::byte> bytes_from(py::handle value) {
  if (PyObject_CheckBuffer(value.ptr()) == 0) throw_expected("bytes", value);
  Py_buffer view;
  if (PyObject_GetBuffer(value.ptr(), &view, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  const auto* data = static_cast<const std::byte*>(view.buf);
  std::vector<std::byte> bytes(data, data + view.len);
  PyBuffer_Release(&view);
  return bytes;
}

py::bytes to_bytes(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

const void* native_function(py::handle value, const char* type) {
  if (!py::isinstance(value, python_type("base.NativeFunction"))) return nullptr;
  return PyCapsule_GetPointer(value.attr("_capsule").ptr(), type);
}

py::object wrap_native_function(const py::object& call, void* function, const char* type,
                                void (*destroy)(void*)) {
  const py::capsule capsule(function, type, [](PyObject* object) {
    const char* const name = PyCapsule_GetName(object);
    const auto end = reinterpret_cast<void (*)(void*)>(PyCapsule_GetContext(object));
    void* const own = PyCapsule_GetPointer(object, name);
    const Unlocked unlocked;  // it may hold objects that take their time to end
    end(own);
  });
  PyCapsule_SetContext(capsule.ptr(), reinterpret_cast<void*>(destroy));
  return python_type("base.NativeFunction")(call, capsule);
}

py::object handle_of(py::handle object) {
  if (py::hasattr(object, "_handle")) return object.attr("_handle");
  return py::reinterpret_borrow<py::object>(object);
}

}  // namespace vmkit::python
