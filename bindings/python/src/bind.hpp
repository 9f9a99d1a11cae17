// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <tuple>

#include "adapters.hpp"
#include "call_options.hpp"
#include "running_call.hpp"
#include "streams.hpp"

// wrap() makes a function of Python's of one of the library's: arguments are converted with the
// GIL, the function runs without it, the result is converted with it again. One whose last
// parameter is CallOptions can be interrupted besides: see run().
namespace vmkit::python {

/// An argument between Python and C++.
template <class T>
class Argument {
 public:
  explicit Argument(py::handle value) : value_(from_python<T>(value)) {}
  T& get() { return value_; }
  std::unique_lock<std::recursive_mutex> lock() { return {}; }

 private:
  T value_;
};

template <class T>
requires(HandleInfo<T>::is_handle) class Argument<T> {
 public:
  explicit Argument(py::handle value) : borrowed_(borrow_from<T>(value)) {}
  T& get() { return *borrowed_.object; }
  /// To be called without the GIL, which the owner of the lock may need.
  std::unique_lock<std::recursive_mutex> lock() {
    if (!borrowed_.mutex) return {};
    return std::unique_lock(*borrowed_.mutex);
  }

 private:
  Borrowed<T> borrowed_;
};

/// Views are of what the argument owns.
template <>
class Argument<std::string_view> : public Argument<std::string> {
 public:
  using Argument<std::string>::Argument;
};
template <class T>
class Argument<std::span<const T>> : public Argument<std::vector<T>> {
 public:
  using Argument<std::vector<T>>::Argument;
};

/// What a parameter of type P is given: a reference, or the value itself moved.
template <class P, class T>
decltype(auto) pass(Argument<T>& argument) {
  if constexpr (std::is_lvalue_reference_v<P>) {
    return (argument.get());
  } else {
    return std::move(argument.get());
  }
}

template <class Result, class Function>
py::object call_and_convert(const Function& call) {
  if constexpr (std::is_void_v<Result>) {
    call([](auto&& function) { function(); });
    return py::none();
  } else {
    std::optional<std::remove_cvref_t<Result>> result;
    call([&](auto&& function) { result.emplace(function()); });
    return to_python(*std::move(result));
  }
}

template <class Result, class... Parameters, class Function>
py::object invoke(const Function& function,
                  Argument<std::remove_cvref_t<Parameters>>&... arguments) {
  return call_and_convert<Result>([&](const auto& into) {
    const Unlocked unlocked;
    [[maybe_unused]] const std::tuple locks{arguments.lock()...};
    into([&]() -> decltype(auto) { return std::invoke(function, pass<Parameters>(arguments)...); });
  });
}

template <class Result, class... Parameters, class Function>
py::object invoke_long(const Function& function, const CallOptions& options,
                       Argument<std::remove_cvref_t<Parameters>>&... arguments) {
  return call_and_convert<Result>([&](const auto& into) {
    run(options, [&](const CallOptions& own) {
      // In the thread that works: locks belong to threads.
      [[maybe_unused]] const std::tuple locks{arguments.lock()...};
      into([&]() -> decltype(auto) {
        return std::invoke(function, pass<Parameters>(arguments)..., own);
      });
    });
  });
}

template <class>
using AnyObject = const py::object&;

template <class... T>
inline constexpr bool ends_with_options = false;
template <class T>
inline constexpr bool ends_with_options<T> = std::is_same_v<std::remove_cvref_t<T>, CallOptions>;
template <class First, class Second, class... Rest>
inline constexpr bool ends_with_options<First, Second, Rest...> =
    ends_with_options<Second, Rest...>;

template <class Result, class... Parameters, class Function, std::size_t... index>
py::object invoke_with(const Function& function,
                       const std::array<py::handle, sizeof...(Parameters)>& values,
                       std::index_sequence<index...>) {
  constexpr std::size_t count = sizeof...(Parameters);
  if constexpr (ends_with_options<Parameters...>) {
    using All = std::tuple<Parameters...>;
    return [&]<std::size_t... before>(std::index_sequence<before...>) {
      std::tuple<Argument<std::remove_cvref_t<std::tuple_element_t<before, All>>>...> arguments{
          values[before]...};
      return invoke_long<Result, std::tuple_element_t<before, All>...>(
          function, from_python<CallOptions>(values[count - 1]), std::get<before>(arguments)...);
    }
    (std::make_index_sequence<count - 1>());
  } else {
    std::tuple<Argument<std::remove_cvref_t<Parameters>>...> arguments{values[index]...};
    return invoke<Result, Parameters...>(function, std::get<index>(arguments)...);
  }
}

/// What pybind11 sees of all functions: one type, since it takes long to compile for each.
/// Arguments are positional.
struct Wrapped {
  std::function<py::object(const py::args&)> function;
  py::object operator()(const py::args& values) const { return function(values); }
};

template <class Result, class... Parameters, class Function>
auto wrap_as(Function function) {
  return Wrapped{[function](const py::args& values) {
    constexpr std::size_t count = sizeof...(Parameters);
    if (values.size() != count) throw_argument_count(count, values.size());
    std::array<py::handle, count> all;
    for (std::size_t i = 0; i < count; ++i) all[i] = values[i];
    return invoke_with<Result, Parameters...>(function, all,
                                              std::index_sequence_for<Parameters...>());
  }};
}

template <class R, class... P>
auto wrap(R (*function)(P...)) {
  return wrap_as<R, P...>(function);
}
template <class R, class T, class... P>
auto wrap(R (T::*function)(P...)) {
  return wrap_as<R, T&, P...>(function);
}
template <class R, class T, class... P>
auto wrap(R (T::*function)(P...) const) {
  return wrap_as<R, const T&, P...>(function);
}
template <class R, class T, class... P>
auto wrap(R (T::*function)(P...) noexcept) {
  return wrap_as<R, T&, P...>(function);
}
template <class R, class T, class... P>
auto wrap(R (T::*function)(P...) const noexcept) {
  return wrap_as<R, const T&, P...>(function);
}
/// A lambda without captures.
template <class Lambda>
requires std::is_class_v<Lambda>
auto wrap(Lambda lambda) {
  return wrap(+lambda);
}

}  // namespace vmkit::python
