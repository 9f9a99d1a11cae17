// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <tuple>

#include "convert.hpp"
#include "for_each.hpp"

// Structs of the library are dataclasses in Python, enumerations are enum.Enum, both with the same
// names of members. The package's Python code defines them (and their defaults, which a test
// compares with those here); this tells what belongs to what:
//
//     VMKIT_RECORD(vm::Disk, "vm.Disk", path, nbd, device);   // every member, in order
//     VMKIT_ENUM(vm::DiskSync, "vm.DiskSync", full, fsync, none);
//
// Both in the global namespace.

namespace vmkit::python {

template <class T>
struct RecordInfo;
template <class T>
struct EnumInfo;

template <class T>
concept Record = requires {
  RecordInfo<T>::fields;
};
template <class T>
concept Enumeration = requires {
  EnumInfo<T>::names;
};

template <class T, class Member>
struct Field {
  const char* name;
  Member T::*member;
};

/// A string that is bytes, not text.
template <class T>
struct BytesField {
  const char* name;
  std::string T::*member;
};

template <class T, class Member>
constexpr Field<T, Member> field(const char* name, Member T::*member) {
  return {name, member};
}
template <class T>
constexpr BytesField<T> bytes_field(const char* name, std::string T::*member) {
  return {name, member};
}

#define VMKIT_FIELD(name) vmkit::python::field(#name, &T::name)
#define VMKIT_RECORD(type, python_name_, ...)                                                 \
  template <>                                                                                 \
  struct vmkit::python::RecordInfo<type> {                                                    \
    using T = type;                                                                           \
    static constexpr const char* python_name = python_name_;                                  \
    static constexpr auto fields = std::make_tuple(VMKIT_FOR_EACH(VMKIT_FIELD, __VA_ARGS__)); \
  }

#define VMKIT_ENUMERATOR(name) \
  std::pair {                  \
#name, T::name             \
  }
#define VMKIT_ENUM(type, python_name_, ...)                  \
  template <>                                                \
  struct vmkit::python::EnumInfo<type> {                     \
    using T = type;                                          \
    static constexpr const char* python_name = python_name_; \
    static constexpr std::pair<const char*, T> names[] = {   \
        VMKIT_FOR_EACH(VMKIT_ENUMERATOR, __VA_ARGS__)};      \
  }

template <Enumeration T>
struct Convert<T> {
  static T from(py::handle value) {
    if (!py::isinstance(value, python_type(EnumInfo<T>::python_name))) {
      throw_expected(EnumInfo<T>::python_name, value);
    }
    const auto name = from_python<std::string>(value.attr("name"));
    for (const auto& [known, enumerator] : EnumInfo<T>::names) {
      if (name == known) return enumerator;
    }
    throw_expected(EnumInfo<T>::python_name, value);
  }
  static py::object to(T value) {
    for (const auto& [name, enumerator] : EnumInfo<T>::names) {
      if (value == enumerator) return python_type(EnumInfo<T>::python_name).attr(name);
    }
    throw Error(Errc::internal, std::string(EnumInfo<T>::python_name) + " of an unknown value");
  }
};

template <class T, class Member>
Member field_from(const Field<T, Member>& field, py::handle record) {
  return named(field.name, [&] { return from_python<Member>(record.attr(field.name)); });
}

template <class T>
std::string field_from(const BytesField<T>& field, py::handle record) {
  return named(field.name, [&] {
    const std::vector<std::byte> bytes = bytes_from(record.attr(field.name));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
}

template <class T, class Member>
py::object field_to(const Field<T, Member>&, const Member& value) {
  return to_python(value);
}

template <class T>
py::object field_to(const BytesField<T>&, const std::string& value) {
  return to_bytes(value.data(), value.size());
}

template <Record T>
struct Convert<T> {
  static T from(py::handle value) {
    if (!py::isinstance(value, python_type(RecordInfo<T>::python_name))) {
      throw_expected(RecordInfo<T>::python_name, value);
    }
    return named(RecordInfo<T>::python_name, [&] {
      return std::apply([&](const auto&... fields) { return T{field_from(fields, value)...}; },
                        RecordInfo<T>::fields);
    });
  }
  static py::object to(const T& value) {
    py::dict members;
    std::apply(
        [&](const auto&... fields) {
          ((members[fields.name] = field_to(fields, value.*(fields.member))), ...);
        },
        RecordInfo<T>::fields);
    return python_type(RecordInfo<T>::python_name)(**members);
  }
};

}  // namespace vmkit::python
