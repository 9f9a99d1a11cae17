// SPDX-License-Identifier: Apache-2.0
#include "archive_records.hpp"
#include "bind.hpp"
#include "modules.hpp"

#include <vmkit/archive/compress.hpp>

namespace vmkit::python {

/// Reads the tar of a Python file.
struct TarFile {
  explicit TarFile(std::unique_ptr<Source> given) : source(std::move(given)), reader(*source) {}
  std::unique_ptr<Source> source;
  archive::TarReader reader;
};

/// Writes a tar to a Python file.
struct TarTarget {
  explicit TarTarget(std::unique_ptr<Sink> given) : sink(std::move(given)), writer(*sink) {}
  std::unique_ptr<Sink> sink;
  archive::TarWriter writer;
};

/// Compresses into a Python file.
struct CompressorTarget {
  CompressorTarget(std::unique_ptr<Sink> given, const archive::CompressOptions& options)
      : sink(std::move(given)), compressor(*sink, options) {}
  std::unique_ptr<Sink> sink;
  archive::Compressor compressor;
};

}  // namespace vmkit::python

VMKIT_HANDLE(vmkit::python::TarFile, "TarReader", true);
VMKIT_HANDLE(vmkit::python::TarTarget, "TarWriter", true);
VMKIT_HANDLE(vmkit::python::CompressorTarget, "Compressor", true);

namespace vmkit::python {
namespace {

using namespace archive;

std::optional<TarEntry> next_entry(TarFile& tar) {
  const TarEntry* entry = tar.reader.next();
  if (entry == nullptr) return std::nullopt;
  return *entry;
}

/// The pieces with their offsets; what lies between two is a hole.
std::optional<std::pair<std::uint64_t, std::vector<std::byte>>> next_block(TarFile& tar) {
  const auto block = tar.reader.read_block();
  if (!block) return std::nullopt;
  return std::pair(block->offset, std::vector(block->data.begin(), block->data.end()));
}

}  // namespace

void bind_archive(py::module_& m) {
  m.def("detect_compression",
        wrap([](const std::vector<std::byte>& head) { return detect_compression(head); }));
  m.def("decompress", [](const py::object& compressed, const py::object& options) {
    // The source goes over to the library.
    return to_python(decompress(from_python<std::unique_ptr<Source>>(compressed),
                                from_python<DecompressOptions>(options)));
  });
  m.def("make_compressor", [](const py::object& target, const py::object& options) {
    return to_python(std::make_shared<CompressorTarget>(from_python<std::unique_ptr<Sink>>(target),
                                                        from_python<CompressOptions>(options)));
  });
  bind_handle<CompressorTarget>(m)
      .def("write", wrap([](CompressorTarget& target, const std::vector<std::byte>& data) {
             target.compressor.write(data);
           }))
      .def("finish", wrap([](CompressorTarget& target) { target.compressor.finish(); }));

  m.def("make_tar_reader", [](const py::object& source) {
    return to_python(std::make_shared<TarFile>(from_python<std::unique_ptr<Source>>(source)));
  });
  bind_handle<TarFile>(m).def("next", wrap(&next_entry)).def("read_block", wrap(&next_block));

  m.def("make_tar_writer", [](const py::object& target) {
    return to_python(std::make_shared<TarTarget>(from_python<std::unique_ptr<Sink>>(target)));
  });
  bind_handle<TarTarget>(m)
      .def("add", wrap([](TarTarget& tar, const TarEntry& entry) { tar.writer.add(entry); }))
      .def("add_sparse",
           wrap([](TarTarget& tar, const TarEntry& entry, const std::vector<TarPiece>& pieces) {
             tar.writer.add_sparse(entry, pieces);
           }))
      .def("write",
           wrap([](TarTarget& tar, const std::vector<std::byte>& data) { tar.writer.write(data); }))
      .def("finish", wrap([](TarTarget& tar) { tar.writer.finish(); }));
}

}  // namespace vmkit::python
