// SPDX-License-Identifier: Apache-2.0
#include "agent_records.hpp"
#include "bind.hpp"
#include "handles.hpp"
#include "modules.hpp"
#include "streams.hpp"

#include <vmkit/agent/files.hpp>

namespace vmkit::python {
namespace {

using namespace agent;

void bind_whole_files(py::class_<Handle<Files>, std::shared_ptr<Handle<Files>>>& files) {
  files.def("read", wrap([](Files& self, const std::string& path, ByteSize limit,
                            const CallOptions& options) {
              const std::string content = self.read(path, limit, options);
              const auto bytes = std::as_bytes(std::span(content));
              return std::vector(bytes.begin(), bytes.end());
            }));
  files.def("write",
            wrap([](Files& self, const std::string& path, const std::vector<std::byte>& content,
                    std::uint16_t permissions, const CallOptions& options) {
              self.write(path, {reinterpret_cast<const char*>(content.data()), content.size()},
                         permissions, options);
            }));
  files.def("write_from",
            wrap([](Files& self, const std::unique_ptr<Source>& content, const std::string& path,
                    const WriteOptions& write, const CallOptions& options) {
              return self.write_from(*content, path, write, options);
            }));
  files.def("open_read", wrap([](Files& self, const std::string& path, std::uint64_t offset,
                                 const CallOptions& options) {
              return stream_with_stop(
                  [&](const CallOptions& own) { return self.open_read(path, offset, own); },
                  options);
            }));
}

}  // namespace

void bind_files(py::module_& m) {
  auto files = bind_handle<Files>(m);
  bind_whole_files(files);
  files.def("copy_in", wrap(&Files::copy_in))
      .def("copy_out", wrap(&Files::copy_out))
      .def("read_tree", wrap([](Files& self, const std::string& source, const CopyOptions& copy,
                                const CallOptions& options) {
             return stream_with_stop(
                 [&](const CallOptions& own) { return self.read_tree(source, copy, own); },
                 options);
           }))
      .def("write_tree",
           wrap([](Files& self, const std::unique_ptr<Source>& tree, const std::string& destination,
                   const std::string& name, const CopyOptions& copy, const CallOptions& options) {
             return self.write_tree(*tree, destination, name, copy, options);
           }))
      .def("stat", wrap(&Files::stat))
      .def("lstat", wrap(&Files::lstat))
      .def("list", wrap(&Files::list))
      .def("make_directory", wrap(&Files::make_directory))
      .def("remove", wrap(&Files::remove))
      .def("rename", wrap(&Files::rename))
      .def("set_attributes", wrap(&Files::set_attributes))
      .def("make_symlink", wrap(&Files::make_symlink))
      .def("make_hard_link", wrap(&Files::make_hard_link));
}

}  // namespace vmkit::python
