// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <variant>

#include <vmkit/base/error.hpp>

namespace vmkit {

/// Either a value or an Error, for completions that must not throw where they happen (callbacks,
/// other threads) and for `try_` calls whose failure is ordinary. The names are std::expected's.
/// As thread-safe as T.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws the Error if there is none.
  T& value() & {
    throw_if_error();
    return std::get<0>(state_);
  }
  const T& value() const& {
    throw_if_error();
    return std::get<0>(state_);
  }
  T&& value() && {
    throw_if_error();
    return std::get<0>(std::move(state_));
  }

  /// The error. Only when has_value() is false.
  const Error& error() const { return std::get<1>(state_); }

 private:
  void throw_if_error() const {
    if (const Error* error = std::get_if<1>(&state_)) throw *error;
  }

  std::variant<T, Error> state_;
};

/// A completion without a value.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_(std::move(error)) {}  // NOLINT

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Throws the Error if there is one.
  void value() const {
    if (const Error* error = std::get_if<1>(&state_)) throw *error;
  }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<std::monostate, Error> state_;
};

}  // namespace vmkit
