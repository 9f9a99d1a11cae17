// SPDX-License-Identifier: Apache-2.0
#include "bind.hpp"
#include "ext4_records.hpp"
#include "handles.hpp"
#include "modules.hpp"

namespace vmkit::python {

/// A plain int in Python.
template <>
struct Convert<ext4::Inode> {
  static ext4::Inode from(py::handle value) {
    return static_cast<ext4::Inode>(from_python<std::uint32_t>(value));
  }
  static py::object to(ext4::Inode inode) { return py::int_(static_cast<std::uint32_t>(inode)); }
};

namespace {

using namespace ext4;

/// An object on a device, which has to outlive it.
template <class T>
struct OnDevice {
  std::shared_ptr<disk::ImageFile> device;
  T object;
};

template <class T>
std::shared_ptr<T> on_device(std::shared_ptr<disk::ImageFile> device, T object) {
  const auto both =
      std::make_shared<OnDevice<T>>(OnDevice<T>{std::move(device), std::move(object)});
  return {both, &both->object};
}

/// `make` with a pointer that keeps the device alive.
template <class Make>
auto open_on(const std::shared_ptr<disk::ImageFile>& device, const Make& make) {
  if (!device) throw Error(Errc::invalid_argument, "expected a disk::ImageFile, found none");
  return on_device(device, make(*device));
}

/// A writer, which must not outlive its file system.
struct WriterOf {
  std::shared_ptr<Filesystem> filesystem;
  FileWriter writer;
};

std::shared_ptr<FileWriter> writer_of(const std::shared_ptr<Filesystem>& filesystem,
                                      FileWriter writer) {
  const auto both = std::make_shared<WriterOf>(WriterOf{filesystem, std::move(writer)});
  return {both, &both->writer};
}

using Entries = std::vector<std::pair<std::string, Inode>>;

template <class Tree>
Entries entries_of(Tree& tree, Inode folder) {
  Entries entries;
  tree.for_each_entry(
      folder, [&](std::string_view name, Inode inode) { entries.emplace_back(name, inode); });
  return entries;
}

// What a call may read at once, whatever length it was given.
constexpr std::uint64_t longest_read = std::uint64_t{1} << 30;

template <class Tree>
std::vector<std::byte> read_of(Tree& tree, Inode file, std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t size = tree.size(file);
  length = offset >= size ? 0 : std::min({length, size - offset, longest_read});
  std::vector<std::byte> data(length);
  std::size_t done = 0;
  while (done < data.size()) {
    const std::size_t count = tree.read(file, offset + done, std::span(data).subspan(done));
    if (count == 0) break;
    done += count;
  }
  data.resize(done);
  return data;
}

/// So that read_of() takes it as a Filesystem.
struct SizedReader {
  Reader& reader;
  std::uint64_t size(Inode file) { return reader.stat(file).size; }
  std::size_t read(Inode file, std::uint64_t offset, std::span<std::byte> buffer) {
    return reader.read(file, offset, buffer);
  }
};

void bind_reader(py::module_& m) {
  m.def("open_reader",
        wrap([](const std::shared_ptr<disk::ImageFile>& device, const ReaderOptions& options) {
          return open_on(device, [&](BlockDevice& on) { return Reader::open(on, options); });
        }));
  bind_handle<Reader>(m)
      .def("info", wrap(&Reader::info))
      .def("root", wrap(&Reader::root))
      .def("lookup", wrap(&Reader::lookup))
      .def("resolve", wrap(&Reader::resolve))
      .def("stat", wrap(&Reader::stat))
      .def("entries", wrap([](Reader& reader, Inode folder) { return entries_of(reader, folder); }))
      .def("symlink_target", wrap(&Reader::symlink_target))
      .def("xattrs", wrap(&Reader::xattrs))
      .def("extents", wrap([](Reader& reader, Inode file) {
             std::vector<FileExtent> extents;
             reader.for_each_extent(file, [&](const FileExtent& extent) {
               extents.push_back(extent);
               return true;
             });
             return extents;
           }))
      .def("read", wrap([](Reader& reader, Inode file, std::uint64_t offset, std::uint64_t length) {
             SizedReader sized{reader};
             return read_of(sized, file, offset, length);
           }));
}

void bind_writer(py::module_& m) {
  bind_handle<FileWriter>(m)
      .def("inode", wrap(&FileWriter::inode))
      .def("write",
           wrap([](FileWriter& writer, const std::vector<std::byte>& data) { writer.write(data); }))
      .def("skip", wrap(&FileWriter::skip))
      .def("finish", wrap(&FileWriter::finish));
}

/// A call that opens a writer: as wrap() makes it, but with the shared pointer.
template <class... Parameters>
auto opens_writer(FileWriter (Filesystem::*open)(Parameters...)) {
  return [open](const py::object& self, AnyObject<Parameters>... values) {
    const Borrowed<Filesystem> filesystem = borrow_from<Filesystem>(self);
    std::tuple<Argument<std::remove_cvref_t<Parameters>>...> arguments{values...};
    std::shared_ptr<FileWriter> writer;
    {
      const Unlocked unlocked;
      const std::lock_guard lock(*filesystem.mutex);
      writer = std::apply(
          [&](auto&... argument) {
            return writer_of(filesystem.object,
                             ((*filesystem.object).*open)(pass<Parameters>(argument)...));
          },
          arguments);
    }
    return py::cast(std::make_shared<Handle<FileWriter>>(std::move(writer), filesystem.mutex));
  };
}

void bind_filesystem(py::module_& m) {
  m.def("format_filesystem",
        wrap([](const std::shared_ptr<disk::ImageFile>& device, const FormatOptions& options) {
          return open_on(device, [&](BlockDevice& on) { return Filesystem::format(on, options); });
        }));
  m.def("open_filesystem", wrap([](const std::shared_ptr<disk::ImageFile>& device) {
          return open_on(device, [&](BlockDevice& on) { return Filesystem::open(on); });
        }));
  bind_handle<Filesystem>(m)
      .def("root", wrap(&Filesystem::root))
      .def("lookup", wrap(&Filesystem::lookup))
      .def("type", wrap(&Filesystem::type))
      .def("attributes", wrap(&Filesystem::attributes))
      .def("link_count", wrap(&Filesystem::link_count))
      .def("symlink_target", wrap([](const Filesystem& filesystem, Inode symlink) {
             return std::string(filesystem.symlink_target(symlink));
           }))
      .def("entries", wrap([](const Filesystem& filesystem, Inode folder) {
             return entries_of(filesystem, folder);
           }))
      .def("size", wrap(&Filesystem::size))
      .def("device", wrap(&Filesystem::device))
      .def("read",
           wrap([](const Filesystem& filesystem, Inode file, std::uint64_t offset,
                   std::uint64_t length) { return read_of(filesystem, file, offset, length); }))
      .def("resolve", wrap(&Filesystem::resolve))
      .def("make_directory", wrap(&Filesystem::make_directory))
      .def("make_symlink", wrap(&Filesystem::make_symlink))
      .def("make_special", wrap(&Filesystem::make_special))
      .def("make_directories", wrap(&Filesystem::make_directories))
      .def("make_file", opens_writer(&Filesystem::make_file))
      .def("replace_content", opens_writer(&Filesystem::replace_content))
      .def("append_to", opens_writer(&Filesystem::append_to))
      .def("link", wrap(&Filesystem::link))
      .def("remove", wrap(&Filesystem::remove))
      .def("rename", wrap(&Filesystem::rename))
      .def("set_attributes", wrap(&Filesystem::set_attributes))
      .def("set_xattrs", wrap(&Filesystem::set_xattrs))
      .def("xattrs", wrap(&Filesystem::xattrs))
      .def("inode_count", wrap(&Filesystem::inode_count))
      .def("commit", wrap([](Filesystem& filesystem, CommitMode mode, const CallOptions& options) {
             filesystem.commit(mode, options);
           }))
      .def("resize", wrap(&Filesystem::resize))
      .def("least_size", wrap(&Filesystem::least_size));
}

}  // namespace

void bind_ext4(py::module_& m) {
  bind_reader(m);
  bind_writer(m);
  bind_filesystem(m);
}

}  // namespace vmkit::python
