// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "handle.hpp"
#include "python.hpp"

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/stop.hpp>

// How values go between Python and C++. Each type has one Convert with `from`, which throws
// TypeError (or what the library says of the value), and `to`; all with the GIL. What Python has
// instead of the library's types: the docstring of the package tells.
namespace vmkit::python {

template <class T>
struct Convert;

template <class T>
T from_python(py::handle value) {
  return Convert<T>::from(value);
}

template <class T>
py::object to_python(T&& value) {
  return Convert<std::remove_cvref_t<T>>::to(std::forward<T>(value));
}

/// TypeError: "expected WHAT, found TYPE".
[[noreturn]] void throw_expected(const char* what, py::handle found);

[[noreturn]] void throw_argument_count(std::size_t expected, std::size_t found);

/// Runs `convert` and puts "`where`: " before the text of a TypeError.
template <class Function>
auto named(const char* where, const Function& convert) {
  try {
    return convert();
  } catch (const py::type_error& error) {
    throw py::type_error(std::string(where) + ": " + error.what());
  }
}

// Plain values

template <>
struct Convert<bool> {
  static bool from(py::handle value);
  static py::object to(bool value) { return py::bool_(value); }
};

std::int64_t signed_from(py::handle value, std::int64_t least, std::int64_t most);
std::uint64_t unsigned_from(py::handle value, std::uint64_t most);

template <std::integral T>
struct Convert<T> {
  static T from(py::handle value) {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_signed_v<T>) {
      return static_cast<T>(signed_from(value, Limits::min(), Limits::max()));
    } else {
      return static_cast<T>(unsigned_from(value, Limits::max()));
    }
  }
  static py::object to(T value) { return py::int_(value); }
};

template <>
struct Convert<double> {
  static double from(py::handle value);
  static py::object to(double value) { return py::float_(value); }
};

/// Text of the library is bytes: what is no UTF-8 becomes surrogates, as in os.fsdecode.
template <>
struct Convert<std::string> {
  static std::string from(py::handle value);
  static py::object to(std::string_view value);
};

template <>
struct Convert<std::string_view> {
  static py::object to(std::string_view value) { return Convert<std::string>::to(value); }
};

/// str or os.PathLike, and pathlib.Path; None is the empty path.
template <>
struct Convert<std::filesystem::path> {
  static std::filesystem::path from(py::handle value);
  static py::object to(const std::filesystem::path& value);
};

/// An int, or text as "2GiB"; int.
template <>
struct Convert<ByteSize> {
  static ByteSize from(py::handle value);
  static py::object to(ByteSize value) { return py::int_(value.bytes()); }
};

/// str, and vmkit.base.Digest, which is a str.
template <>
struct Convert<Digest> {
  static Digest from(py::handle value);
  static py::object to(const Digest& value);
};

/// Seconds as int, float or datetime.timedelta; float.
double seconds_from(py::handle value);

template <class Rep, class Period>
struct Convert<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  static Duration from(py::handle value) {
    using Seconds = std::chrono::duration<double>;
    const Seconds seconds(seconds_from(value));
    if (!(seconds < Seconds(Duration::max())) || !(seconds > Seconds(Duration::min()))) {
      throw Error(Errc::invalid_argument,
                  "a time of " + std::to_string(seconds.count()) + " s is too long");
    }
    return std::chrono::round<Duration>(seconds);
  }
  static py::object to(Duration value) {
    return py::float_(std::chrono::duration<double>(value).count());
  }
};

/// datetime.datetime with a time zone; in UTC.
template <>
struct Convert<std::chrono::system_clock::time_point> {
  static std::chrono::system_clock::time_point from(py::handle value);
  static py::object to(std::chrono::system_clock::time_point value);
};

template <>
struct Convert<std::filesystem::file_time_type> {
  static std::filesystem::file_time_type from(py::handle value);
  static py::object to(std::filesystem::file_time_type value);
};

template <>
struct Convert<std::monostate> {
  static std::monostate from(py::handle value) {
    if (!value.is_none()) throw_expected("None", value);
    return {};
  }
  static py::object to(std::monostate) { return py::none(); }
};

/// An instance of the fitting class of vmkit.errors.
template <>
struct Convert<Error> {
  static py::object to(const Error& error);
};

// Bytes

std::vector<std::byte> bytes_from(py::handle value);
py::bytes to_bytes(const void* data, std::size_t size);

template <>
struct Convert<std::vector<std::byte>> {
  static std::vector<std::byte> from(py::handle value) { return bytes_from(value); }
  static py::object to(const std::vector<std::byte>& value) {
    return to_bytes(value.data(), value.size());
  }
};

template <std::size_t size>
struct Convert<std::array<std::byte, size>> {
  static std::array<std::byte, size> from(py::handle value) {
    const std::vector<std::byte> bytes = bytes_from(value);
    if (bytes.size() != size) {
      throw Error(Errc::invalid_argument, "expected " + std::to_string(size) + " bytes, found " +
                                              std::to_string(bytes.size()));
    }
    std::array<std::byte, size> result;
    std::copy(bytes.begin(), bytes.end(), result.begin());
    return result;
  }
  static py::object to(const std::array<std::byte, size>& value) {
    return to_bytes(value.data(), size);
  }
};

// Compounds

template <class T>
struct Convert<std::optional<T>> {
  static std::optional<T> from(py::handle value) {
    if (value.is_none()) return std::nullopt;
    return from_python<T>(value);
  }
  template <class Optional>
  static py::object to(Optional&& value) {
    if (!value) return py::none();
    return to_python(*std::forward<Optional>(value));
  }
};

template <class T>
struct Convert<std::vector<T>> {
  static std::vector<T> from(py::handle value) {
    // A text would be the list of its letters: never what is meant.
    if (py::isinstance<py::str>(value) || py::isinstance<py::bytes>(value)) {
      throw_expected("a sequence", value);
    }
    std::vector<T> result;
    for (const py::handle item : py::iter(value)) result.push_back(from_python<T>(item));
    return result;
  }
  template <class Vector>
  static py::object to(Vector&& value) {
    py::list result;
    for (auto&& item : value) result.append(to_python(std::move(item)));
    return std::move(result);
  }
};

template <class Key, class Value, class Compare>
struct Convert<std::map<Key, Value, Compare>> {
  static std::map<Key, Value, Compare> from(py::handle value) {
    std::map<Key, Value, Compare> result;
    if (!py::isinstance<py::dict>(value)) throw_expected("a dict", value);
    for (const auto& [key, item] : py::reinterpret_borrow<py::dict>(value)) {
      result.insert_or_assign(from_python<Key>(key), from_python<Value>(item));
    }
    return result;
  }
  static py::object to(const std::map<Key, Value, Compare>& value) {
    py::dict result;
    for (const auto& [key, item] : value) result[to_python(key)] = to_python(item);
    return std::move(result);
  }
};

template <class First, class Second>
struct Convert<std::pair<First, Second>> {
  static py::object to(const std::pair<First, Second>& value) {
    return py::make_tuple(to_python(value.first), to_python(value.second));
  }
};

/// The first alternative that takes the value.
template <class... Types>
struct Convert<std::variant<Types...>> {
  static std::variant<Types...> from(py::handle value) {
    std::optional<std::variant<Types...>> result;
    (try_one<Types>(value, result), ...);
    if (!result) throw_expected("one of the types that are documented", value);
    return *std::move(result);
  }
  static py::object to(const std::variant<Types...>& value) {
    return std::visit([](const auto& item) { return to_python(item); }, value);
  }

 private:
  template <class T>
  static void try_one(py::handle value, std::optional<std::variant<Types...>>& result) {
    if (result) return;
    try {
      result.emplace(from_python<T>(value));
    } catch (const py::type_error&) {
      // then another one
    }
  }
};

// Objects of the library: either of the extension's own handle, or a Python object that has one as
// `_handle`.

py::object handle_of(py::handle object);

template <class T>
Borrowed<T> borrow_from(py::handle value) {
  const py::object handle = handle_of(value);
  if (!py::isinstance<Handle<T>>(handle)) throw_expected(HandleInfo<T>::name, value);
  return handle.cast<Handle<T>&>().borrow();
}

template <class T>
requires(HandleInfo<T>::is_handle) struct Convert<std::shared_ptr<T>> {
  static std::shared_ptr<T> from(py::handle value) {
    if (value.is_none()) return nullptr;
    return borrow_from<T>(value).object;
  }
  static py::object to(std::shared_ptr<T> value) {
    if (!value) return py::none();
    return py::cast(std::make_shared<Handle<T>>(std::move(value)));
  }
};

template <class T>
requires(HandleInfo<T>::is_handle) struct Convert<std::shared_ptr<const T>> {
  static py::object to(std::shared_ptr<const T> value) {
    return Convert<std::shared_ptr<T>>::to(std::const_pointer_cast<T>(std::move(value)));
  }
};

template <class T>
requires(HandleInfo<T>::is_handle) struct Convert<std::unique_ptr<T>> {
  static py::object to(std::unique_ptr<T> value) {
    return Convert<std::shared_ptr<T>>::to(std::shared_ptr<T>(std::move(value)));
  }
};

/// By value: copyable classes come back as copies.
template <class T>
requires(HandleInfo<T>::is_handle) struct Convert<T> {
  static T from(py::handle value) { return *borrow_from<T>(value).object; }
  template <class Value>
  static py::object to(Value&& value) {
    return Convert<std::shared_ptr<T>>::to(std::make_shared<T>(std::forward<Value>(value)));
  }
};

/// A function of the library that went to Python: what wrap_native_function() was given, if it is
/// one of that type; else nullptr.
const void* native_function(py::handle value, const char* type);
py::object wrap_native_function(const py::object& call, void* function, const char* type,
                                void (*destroy)(void*));

/// The class of the package for objects that callbacks are lent.
template <class T>
inline constexpr const char* lent_class = nullptr;

// Functions of Python's, called from whatever thread; what they raise comes back to Python.

template <class R, class... Arguments>
struct Convert<std::function<R(Arguments...)>> {
  using Function = std::function<R(Arguments...)>;

  static Function from(py::handle value) {
    if (value.is_none()) return {};
    if (PyCallable_Check(value.ptr()) == 0) throw_expected("a callable", value);
    if (const void* own = native_function(value, typeid(Function).name())) {
      return *static_cast<const Function*>(own);
    }
    return [function = SharedObject(py::reinterpret_borrow<py::object>(value))](
               Arguments... arguments) -> R {
      const Locked locked;
      const auto call = [&](auto&&... passed) -> py::object {
        return function.get()(passed.get()...);
      };
      const py::object result = call(Passed<Arguments>(arguments)...);
      if constexpr (!std::is_void_v<R>) return from_python<R>(result);
    };
  }
  /// A callable that comes back as the same function; None for an empty one.
  static py::object to(const Function& function) {
    if (!function) return py::none();
    py::cpp_function call;
    if constexpr (sizeof...(Arguments) == 0) {
      call = py::cpp_function([function] {
        if constexpr (std::is_void_v<R>) {
          function();
          return py::none();
        } else {
          return to_python(function());
        }
      });
    }
    return wrap_native_function(call, new Function(function), typeid(Function).name(),
                                [](void* own) { delete static_cast<Function*>(own); });
  }

 private:
  template <class T>
  class Passed {
   public:
    explicit Passed(const std::remove_cvref_t<T>& value) : object_(to_python(value)) {}
    py::object get() const { return object_; }

   private:
    py::object object_;
  };
  /// A reference to an object of the library is lent for the time of the call, as an object of the
  /// class that the package has for it.
  template <class T>
  requires(HandleInfo<T>::is_handle) class Passed<T&> {
   public:
    explicit Passed(T& object) : lent_(object) {}
    py::object get() const { return python_type(lent_class<T>)(lent_.get()); }

   private:
    Lent<T> lent_;
  };
};

}  // namespace vmkit::python
