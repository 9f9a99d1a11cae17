// SPDX-License-Identifier: Apache-2.0
// A kernel's module folder: the input is its modules.dep or its modules.order, with
// its modules.softdep and modules.alias; and a module.
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "agent/module_index.hpp"
#include "fuzz/target.hpp"
#include "os/directory.hpp"
#include "support/temporary_directory.hpp"

namespace {

using vmkit::Errc;
using vmkit::agent::ModuleIndex;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

void use(const std::filesystem::path& folder, std::string_view input) {
  accepts({Errc::data_corruption}, [&] {
    const ModuleIndex index(folder);
    for (std::string_view rest = input; !rest.empty();) {
      const std::size_t end = std::min(rest.find_first_of(": \n"), rest.size());
      const std::string_view name = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (!index.has_file(name)) continue;
      accepts({Errc::data_corruption, Errc::not_found}, [&] {
        const auto order = index.load_order(name);
        require(!order.empty(), "a module that is not built in has a file");
        for (const std::string& path : order) {
          const auto inside = std::filesystem::path("/modules") / path;
          require(inside.lexically_normal().string().starts_with("/modules/"),
                  "no module's path leads out of the folder");
        }
      });
    }
  });
}

const vmkit::fuzz::Target target("modules", [](std::string_view input) {
  accepts({Errc::data_corruption}, [&] {
    for (const auto& name : vmkit::agent::module_dependencies(std::as_bytes(std::span(input)))) {
      require(!name.empty() && name.size() <= input.size(), "dependencies have names");
    }
  });
  static const auto parent = vmkit::test::temporary_directory();
  for (const char* file : {"modules.dep", "modules.order"}) {
    const vmkit::os::TemporaryDirectory folder(parent.path(), "modules");
    for (const char* name : {file, "modules.softdep", "modules.alias"}) {
      std::ofstream(folder.path() / name, std::ios::binary) << input;
    }
    use(folder.path(), input);
  }
});

}  // namespace
