// SPDX-License-Identifier: Apache-2.0
// Files in and out of the real agent program, whose root is a folder of the test.
#include <atomic>
#include <set>

#include "support/memory_source.hpp"
#include "unit/agent/file_tree.hpp"

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;

/// A tree with all that an ordinary user can make.
void make_tree(const std::filesystem::path& root) {
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(root / name, std::ios::binary) << text;
  };
  std::filesystem::create_directories(root / "sub/deeper");
  std::filesystem::create_directory(root / "empty");
  write("plain", "text\n");
  write("nothing", "");
  write("binary", std::string("\0\xff\n\r\0", 5));
  write("sub/setuid", "#!/bin/sh\n");
  write("sub/name with \xff and \n", "x");
  std::filesystem::create_hard_link(root / "plain", root / "sub/deeper/second name");
  std::filesystem::create_symlink("../plain", root / "sub/link");
  std::filesystem::create_symlink("/no/where", root / "sub/broken");
  REQUIRE(::mkfifo((root / "fifo").c_str(), 0600) == 0);
  REQUIRE(::setxattr((root / "plain").c_str(), "user.test", "a\0\xff", 3, 0) == 0);
  REQUIRE(::setxattr((root / "sub").c_str(), "user.test", "folder", 6, 0) == 0);
  REQUIRE(::chmod((root / "sub/setuid").c_str(), 06751) == 0);
  REQUIRE(::chmod((root / "fifo").c_str(), 0622) == 0);
  const int sparse = ::open((root / "sparse").c_str(), O_WRONLY | O_CREAT, 0640);
  REQUIRE(::ftruncate(sparse, 300 << 20) == 0);
  REQUIRE(::pwrite(sparse, "middle", 6, 100 << 20) == 6);
  ::close(sparse);
  REQUIRE(::chmod((root / "sub/deeper").c_str(), 0555) == 0);
  for (const char* name :
       {"plain", "sub/link", "sub/setuid", "fifo", "sub/deeper", "sub", "empty"}) {
    set_times(root / name, 1'000'000'000, 123'456'789);
  }
  set_times(root, 5, 1);
}

void make_writable(const std::filesystem::path& root) {
  ::chmod((root / "sub/deeper").c_str(), 0755);
}

TEST_CASE("files: one goes in and comes back with its permissions and times") {
  FileSession test;
  test.host.write("data", std::string("\0binary\xff", 8));
  ::chmod(test.on_host("data").c_str(), 0640);
  set_times(test.on_host("data"), 1'234'567'890, 987'654'321);
  const auto in = test.files.copy_in(test.on_host("data"), "/copy", {}, soon());
  CHECK(in.entries == 1);
  CHECK(in.bytes == 8);
  CHECK(in.notices.list.empty());
  CHECK(content_of(test.in_guest("copy")) == std::string("\0binary\xff", 8));
  const auto entry = test.files.stat("/copy", soon());
  CHECK(entry.kind == FileKind::regular);
  CHECK(entry.permissions == 0640);
  CHECK(entry.size == 8);
  CHECK(entry.modified == FileTime{1'234'567'890, 987'654'321});
  CHECK(test.files.copy_out("/copy", test.on_host("back"), {}, soon()).bytes == 8);
  auto before = describe_tree(test.on_host("data"));
  CHECK(describe_tree(test.on_host("back")) == before);
}

TEST_CASE("files: a tree goes in and comes back as it was") {
  FileSession test;
  std::filesystem::create_directory(test.on_host("tree"));
  make_tree(test.on_host("tree"));
  const CopyOptions keep{.owner = {Ownership::Kind::keep}};
  const auto in = test.files.copy_in(test.on_host("tree"), "/tree", keep, soon());
  CHECK(in.entries == 14);
  CHECK(in.bytes < 100'000);  // and not 300 MiB
  for (const auto& notice : in.notices.list) MESSAGE(notice.path, ": ", notice.what);
  CHECK(in.notices.list.empty());
  const auto expected = describe_tree(test.on_host("tree"));
  CHECK(describe_tree(test.in_guest("tree")) == expected);
  struct stat status;
  REQUIRE(::stat(test.in_guest("tree/sparse").c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 < 1'000'000);

  const auto out = test.files.copy_out("/tree", test.on_host("back"), keep, soon());
  CHECK(out.entries == 14);
  CHECK(out.notices.list.empty());
  CHECK(describe_tree(test.on_host("back")) == expected);
  REQUIRE(::stat(test.on_host("back/sparse").c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 < 1'000'000);
  std::ifstream sparse(test.on_host("back/sparse"));
  std::string middle(6, '\0');
  CHECK(sparse.seekg(100 << 20).read(middle.data(), 6));
  CHECK(middle == "middle");

  // Without keeping the owner, no setuid comes to the host; that is told.
  const auto ours = test.files.copy_out("/tree", test.on_host("ours"), {}, soon());
  REQUIRE(ours.notices.list.size() == 1);
  CHECK(ours.notices.list[0].path == "sub/setuid");
  CHECK(ours.notices.list[0].what.find("setuid") != std::string::npos);
  REQUIRE(::stat(test.on_host("ours/sub/setuid").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0751);
  for (const char* name : {"tree", "back", "ours"}) make_writable(test.on_host(name));
  make_writable(test.in_guest("tree"));
}

TEST_CASE("files: where a copy goes is decided as docker cp does") {
  FileSession test;
  auto& files = test.files;
  test.host.write("file", "new");
  test.host.write("tree/a", "a");
  test.host.write("tree/b/c", "c");
  test.guest.write("folder/x", "x");
  test.guest.write("taken", "old");
  std::filesystem::create_symlink("folder", test.in_guest("link"));
  std::filesystem::create_symlink("/taken", test.in_guest("file link"));
  const auto file = test.on_host("file");
  const auto tree = test.on_host("tree");

  files.copy_in(file, "/folder", {}, soon());  // into a folder, under its name
  CHECK(content_of(test.in_guest("folder/file")) == "new");
  files.copy_in(file, "/link/", {}, soon());  // also through a symlink
  files.copy_in(file, "/taken", {}, soon());
  CHECK(content_of(test.in_guest("taken")) == "new");
  test.guest.write("taken", "old");
  files.copy_in(file, "/file link", {}, soon());
  CHECK(content_of(test.in_guest("taken")) == "new");
  CHECK(std::filesystem::is_symlink(test.in_guest("file link")));

  files.copy_in(tree, "/made", {}, soon());  // becomes the copy
  CHECK(content_of(test.in_guest("made/b/c")) == "c");
  files.copy_in(tree, "/folder", {}, soon());
  CHECK(content_of(test.in_guest("folder/tree/b/c")) == "c");
  files.copy_in(tree.string() + "/.", "/folder", {}, soon());  // what is in it
  CHECK(content_of(test.in_guest("folder/b/c")) == "c");
  CHECK(content_of(test.in_guest("folder/x")) == "x");
  test.host.write("tree/a", "changed");
  files.copy_in(tree, "/folder", {}, soon());  // over what came before
  CHECK(content_of(test.in_guest("folder/tree/a")) == "changed");

  expect(Errc::not_found, ENOENT, "/missing/deep",
         [&] { files.copy_in(file, "/missing/deep/file", {}, soon()); });
  expect(Errc::not_found, ENOENT, "missing", [&] { files.copy_in(file, "/missing/", {}, soon()); });
  const CopyOptions parents{.create_parents = true};
  files.copy_in(file, "/missing/deep/file", parents, soon());
  CHECK(content_of(test.in_guest("missing/deep/file")) == "new");
  files.copy_in(file, "/other/", parents, soon());
  CHECK(content_of(test.in_guest("other/file")) == "new");
  files.copy_in(tree, "/more/tree", parents, soon());
  CHECK(content_of(test.in_guest("more/tree/b/c")) == "c");

  expect(Errc::failed_precondition, ENOTDIR, "expected a folder",
         [&] { files.copy_in(tree, "/taken", {}, soon()); });
  expect(Errc::failed_precondition, ENOTDIR, "",
         [&] { files.copy_in(file, "/taken/file", {}, soon()); });
  std::filesystem::create_directory(test.in_guest("other/tree"));
  test.host.write("same/tree", "a file of a folder's name");
  expect(Errc::failed_precondition, EISDIR, "found a folder",
         [&] { files.copy_in(test.on_host("same/tree"), "/other", {}, soon()); });
  std::filesystem::create_directories(test.in_guest("clash/tree/a"));
  expect(Errc::failed_precondition, EISDIR, "found a folder",
         [&] { files.copy_in(tree, "/clash", {}, soon()); });
  expect(Errc::invalid_argument, 0, "absolute", [&] { files.copy_in(file, "taken", {}, soon()); });

  // And the same decisions on the host.
  std::filesystem::create_directory(test.on_host("here"));
  files.copy_out("/made", test.on_host("here"), {}, soon());
  CHECK(content_of(test.on_host("here/made/b/c")) == "c");
  files.copy_out("/made/.", test.on_host("here"), {}, soon());
  CHECK(content_of(test.on_host("here/b/c")) == "c");
  expect(Errc::failed_precondition, ENOTDIR, "expected a folder",
         [&] { files.copy_out("/made", test.on_host("file"), {}, soon()); });
  expect(Errc::not_found, ENOENT, "copy to",
         [&] { files.copy_out("/made", test.on_host("no/where"), {}, soon()); });
  // Nothing of what failed is left.
  for (const char* folder : {".", "folder", "missing", "other", "clash"}) {
    for (const auto& entry : std::filesystem::directory_iterator(test.in_guest(folder))) {
      CHECK_FALSE(entry.path().filename().string().starts_with(".vmkit"));
    }
  }
}

TEST_CASE("files: a missing source is told at once, and what was there stays") {
  FileSession test;
  const auto begin = Clock::now();
  test.host.write("kept", "kept");
  expect(Errc::not_found, ENOENT, "/nothing",
         [&] { test.files.copy_out("/nothing", test.on_host("kept"), {}, soon()); });
  expect(Errc::not_found, ENOENT, "no such",
         [&] { test.files.copy_in(test.on_host("no such"), "/x", {}, soon()); });
  expect(Errc::not_found, ENOENT, "/nothing", [&] { test.files.read("/nothing", 1_MiB, soon()); });
  CHECK(Clock::now() - begin < 2s);
  CHECK(content_of(test.on_host("kept")) == "kept");
  CHECK(count_entries(test.host.path()) == 1);
  CHECK(count_entries(test.guest.path()) == 0);
}

TEST_CASE("files: thousands of small ones and many megabytes take their time, not more") {
  FileSession test;
  for (int i = 0; i < 3000; ++i) {
    test.host.write("many/" + std::to_string(i % 30) + "/" + std::to_string(i), std::to_string(i));
  }
  auto begin = Clock::now();
  CHECK(test.files.copy_in(test.on_host("many"), "/many", {}, soon()).entries == 3031);
  const auto in = Clock::now() - begin;
  begin = Clock::now();
  CHECK(test.files.copy_out("/many", test.on_host("back"), {}, soon()).entries == 3031);
  const auto out = Clock::now() - begin;
  CHECK(content_of(test.on_host("back/7/2977")) == "2977");
  std::string data(64 << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 31 + (i >> 13));
  test.host.write("large", data);
  begin = Clock::now();
  test.files.copy_in(test.on_host("large"), "/large", {}, soon());
  const auto large_in = Clock::now() - begin;
  begin = Clock::now();
  test.files.copy_out("/large", test.on_host("large back"), {}, soon());
  const auto large_out = Clock::now() - begin;
  CHECK((content_of(test.on_host("large back")) == data));
  const auto ms = [](auto time) { return time / 1ms; };
  MESSAGE("3000 files in ", ms(in), " ms, out ", ms(out), " ms; 64 MiB in ", ms(large_in),
          " ms, out ", ms(large_out), " ms");
  CHECK(in < 10s);
  CHECK(out < 10s);
}

TEST_CASE("files: a copy can be stopped or come too late, and leaves nothing") {
  FileSession test;
  test.host.write("large", std::string(200 << 20, 'x'));
  std::filesystem::copy(test.on_host("large"), test.in_guest("large"));
  for (const bool in : {true, false}) {
    StopSource stop;
    Clock::time_point stopped;
    const CallOptions options{.stop = stop.token(), .progress = [&](const Progress& progress) {
                                CHECK(progress.phase == (in ? "copy in" : "copy out"));
                                if (progress.done > 0 && !stop.stop_requested()) {
                                  stopped = Clock::now();
                                  stop.request_stop();
                                }
                              }};
    expect(Errc::cancelled, 0, "", [&] {
      if (in) {
        test.files.copy_in(test.on_host("large"), "/copy", {}, options);
      } else {
        test.files.copy_out("/large", test.on_host("copy"), {}, options);
      }
    });
    CHECK(Clock::now() - stopped < 100ms);
  }
  expect(Errc::timeout, 0, "", [&] {
    test.files.copy_in(test.on_host("large"), "/copy", {}, CallOptions{}.with_timeout(20ms));
  });
  struct Mine {};
  const CallOptions throwing{.progress = [](const Progress&) { throw Mine(); }};
  CHECK_THROWS_AS(test.files.copy_out("/large", test.on_host("copy"), {}, throwing), Mine);
  CHECK(count_entries(test.host.path()) == 1);
  const auto limit = Clock::now() + 5s;  // the guest cleans up by itself
  while (count_entries(test.guest.path()) != 1 && Clock::now() < limit) {
    std::this_thread::sleep_for(1ms);
  }
  CHECK(count_entries(test.guest.path()) == 1);
  CHECK(test.files.stat("/large", soon()).size == 200 << 20);
}

TEST_CASE("files: copies that wait hold up nothing else") {
  FileSession test;
  test.guest.write("large", std::string(20 << 20, 'x'));
  REQUIRE(::mkfifo(test.in_guest("fifo").c_str(), 0600) == 0);
  std::vector<std::unique_ptr<Source>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(test.files.read_tree("/large", {}, soon()));
  auto process = test.session.client.spawn(shell("echo alive"), soon());
  CHECK(read_all(process.stdout_source()) == "alive\n");
  CHECK(test.files.stat("/large", soon()).size == 20 << 20);
  CHECK(test.files.stat("/fifo", soon()).kind == FileKind::fifo);
  expect(Errc::failed_precondition, 0, "regular", [&] { test.files.read("/fifo", 1_MiB, soon()); });
  TreeReader reader(*waiting[7]);
  CHECK(reader.next()->size == 20 << 20);
  std::uint64_t bytes = 0;
  while (const auto block = reader.read_block()) bytes += block->data.size();
  CHECK(bytes == 20 << 20);
  CHECK(reader.next() == nullptr);
}

TEST_CASE("files: many at once") {
  FileSession test;
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string path = "/file" + std::to_string(i);
      for (int round = 0; round < 5; ++round) {
        const std::string content(static_cast<std::size_t>(10'000 * i + round), 'x');
        test.files.write(path, content, 0600, soon());
        if (test.files.read(path, 1_MiB, soon()) == content) ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(done == 40);
  CHECK(count_entries(test.guest.path()) == 8);
}

TEST_CASE("files: read, write, list, make, rename, remove, change") {
  FileSession test;
  auto& files = test.files;
  files.make_directory("/a", 0750, false, soon());
  expect(Errc::already_exists, EEXIST, "/a",
         [&] { files.make_directory("/a", 0755, false, soon()); });
  expect(Errc::not_found, ENOENT, "", [&] { files.make_directory("/x/y", 0755, false, soon()); });
  files.make_directory("/x/y/z", 0700, true, soon());
  files.make_directory("/x/y/z", 0700, true, soon());
  CHECK(files.stat("/x/y/z", soon()).permissions == 0700);
  CHECK(files.stat("/x/y", soon()).permissions == 0755);
  CHECK(files.stat("/a", soon()).kind == FileKind::directory);

  files.write("/a/text", "0123456789", 0604, soon());
  CHECK(files.stat("/a/text", soon()).permissions == 0604);
  CHECK(files.read("/a/text", 1_MiB, soon()) == "0123456789");
  expect(Errc::resource_exhausted, 0, "at most",
         [&] { files.read("/a/text", ByteSize(9), soon()); });
  std::vector<std::byte> buffer(100);
  CHECK(read_full(*files.open_read("/a/text", 7, soon()), buffer) == 3);
  vmkit::test::MemorySource middle{std::string("ab"), 1};
  CHECK(files.write_from(middle, "/a/text", {.offset = 3}, soon()) == 2);
  CHECK(files.read("/a/text", 1_MiB, soon()) == "012ab56789");
  vmkit::test::MemorySource end{std::string("!"), 1};
  files.write_from(end, "/a/text", {.append = true}, soon());
  vmkit::test::MemorySource start{std::string("begin"), 1};
  CHECK(files.read("/a/text", 1_MiB, soon()) == "012ab56789!");
  files.write_from(start, "/a/text", {.truncate = true}, soon());
  CHECK(files.read("/a/text", 1_MiB, soon()) == "begin");
  expect(Errc::failed_precondition, EISDIR, "", [&] { files.write("/a", "x", 0600, soon()); });

  files.make_symlink("text", "/a/link", soon());
  files.make_hard_link("/a/text", "/a/second", soon());
  expect(Errc::already_exists, EEXIST, "/a/link",
         [&] { files.make_symlink("text", "/a/link", soon()); });
  CHECK(files.lstat("/a/link", soon()).link_target == "text");
  CHECK(files.stat("/a/link", soon()).kind == FileKind::regular);
  std::set<std::string> names;
  for (const auto& entry : files.list("/a", soon())) names.insert(entry.path);
  CHECK(names == std::set<std::string>{"text", "link", "second"});
  CHECK(files.list("/x/y/z", soon()).empty());
  expect(Errc::failed_precondition, 0, "folder", [&] { files.list("/a/text", soon()); });

  files.set_attributes("/a/link", {.permissions = 04711, .modified = FileTime{77, 88}}, soon());
  const auto changed = files.stat("/a/text", soon());
  CHECK(changed.permissions == 04711);
  CHECK(changed.modified == FileTime{77, 88});
  files.set_attributes("/a/link", {.uid = ::geteuid(), .modified = FileTime{5, 6}, .follow = false},
                       soon());
  CHECK(files.lstat("/a/link", soon()).modified == FileTime{5, 6});
  CHECK(files.stat("/a/text", soon()).modified == FileTime{77, 88});

  files.rename("/a/text", "/a/renamed", soon());
  expect(Errc::not_found, ENOENT, "/a/text", [&] { files.rename("/a/text", "/b", soon()); });
  expect(Errc::failed_precondition, EISDIR, "", [&] { files.rename("/a/renamed", "/x", soon()); });
  expect(Errc::failed_precondition, ENOTEMPTY, "", [&] { files.rename("/a", "/x", soon()); });
  expect(Errc::failed_precondition, ENOTEMPTY, "/a", [&] { files.remove("/a", {}, soon()); });
  expect(Errc::not_found, ENOENT, "/none", [&] { files.remove("/none", {}, soon()); });
  files.remove("/none", {.ignore_missing = true}, soon());
  files.remove("/no/ne", {.ignore_missing = true}, soon());
  files.remove("/a/renamed", {}, soon());
  files.remove("/a", {.recursive = true}, soon());
  CHECK(count_entries(test.guest.path()) == 1);
  expect(Errc::invalid_argument, 0, "", [&] { files.remove("/", {.recursive = true}, soon()); });
}

TEST_CASE("files: from one guest to another, owners and devices as the stream tells") {
  FileSession first;
  FileSession second;
  make_tree(first.guest.path());
  const CopyOptions keep{.owner = {Ownership::Kind::keep}};
  const auto stream = first.files.read_tree("/", keep, soon());
  const auto result = second.files.write_tree(*stream, "/copy", "", keep, soon());
  CHECK(result.entries == 14);
  CHECK(result.notices.list.empty());
  CHECK(describe_tree(second.in_guest("copy")) == describe_tree(first.guest.path()));
  make_writable(first.guest.path());
  make_writable(second.in_guest("copy"));

  // Entries that no ordinary user can make; what becomes of them depends on whom the agent runs as.
  std::string bytes;
  struct StringSink final : Sink {
    explicit StringSink(std::string& into) : to(into) {}
    void write(std::span<const std::byte> data) override {
      to.append(reinterpret_cast<const char*>(data.data()), data.size());
    }
    std::string& to;
  } sink(bytes);
  TreeWriter writer(sink);
  writer.add({.path = "", .kind = FileKind::directory, .permissions = 0755, .uid = 12, .gid = 34});
  writer.add({.path = "null",
              .kind = FileKind::character_device,
              .permissions = 0666,
              .device_major = 1,
              .device_minor = 3});
  writer.add({.path = "owned",
              .permissions = 04755,
              .uid = 56,
              .gid = 78,
              .xattrs = {{"security.capability", std::string(20, '\0')}}});
  writer.notice({"gone", "it was removed meanwhile"});
  writer.finish();
  vmkit::test::MemorySource source{bytes, 100};
  const auto made = second.files.write_tree(source, "/made", "", keep, soon());
  CHECK(made.entries == 3);
  const bool root = ::geteuid() == 0;
  std::set<std::string> told;
  for (const auto& notice : made.notices.list) told.insert(notice.path);
  CHECK(told.contains("gone"));
  if (!root) CHECK(told == std::set<std::string>{"", "null", "owned", "gone"});
  const auto again = second.files.read_tree("/made", keep, soon());
  TreeReader reader(*again);
  while (const auto* entry = reader.next()) {
    if (entry->path == "owned") {
      CHECK(entry->permissions == 04755);
      if (root) CHECK(entry->uid == 56);
    }
    if (entry->path == "null") {
      CHECK(root);
      CHECK(entry->device_minor == 3);
      CHECK(entry->permissions == 0666);
    }
  }
}

TEST_CASE("files: limits on what a guest may send") {
  FileSession test;
  for (int i = 0; i < 20; ++i)
    test.guest.write("tree/" + std::to_string(i), std::string(1000, 'x'));
  expect(Errc::resource_exhausted, 0, "at most", [&] {
    test.files.copy_out("/tree", test.on_host("x"), {.max_bytes = ByteSize(5000)}, soon());
  });
  expect(Errc::resource_exhausted, 0, "at most",
         [&] { test.files.copy_out("/tree", test.on_host("x"), {.max_entries = 10}, soon()); });
  expect(Errc::resource_exhausted, 0, "at most",
         [&] { test.files.copy_in(test.in_guest("tree"), "/x", {.max_entries = 10}, soon()); });
  CHECK(count_entries(test.host.path()) == 0);
  CHECK(count_entries(test.guest.path()) == 1);
}

TEST_CASE("files: the handle outlives its client, with an error") {
  std::optional<FileSession> test(std::in_place);
  // More than can be on its way when the client goes.
  std::ofstream(test->in_guest("large")) << std::string(8 << 20, 'x');
  const Files files = test->files;
  Files copy = files;
  const auto source = copy.read_tree("/", {}, soon());
  test.reset();
  expect(Errc::unavailable, 0, "", [&] { copy.stat("/", soon()); });
  std::vector<std::byte> buffer(100);
  expect(Errc::unavailable, 0, "", [&] {
    while (source->read(buffer) != 0) continue;
  });
}

}  // namespace
