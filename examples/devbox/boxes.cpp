// SPDX-License-Identifier: Apache-2.0
#include "boxes.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <nlohmann/json.hpp>

#include "user.hpp"

namespace devbox {

using namespace vmkit;
namespace fs = std::filesystem;

namespace {

std::shared_ptr<vm::Backend> make_backend() {
#ifdef __APPLE__
  return vm::make_vz_backend();
#else
  return vm::make_qemu_backend();
#endif
}

}  // namespace

Boxes::Boxes(fs::path folder)
    : folder_(std::move(folder)), images_(oci::ImageStore::open(folder_ / "images")) {
  fs::create_directories(folder_ / "boxes");
}

fs::path Boxes::path_of(const std::string& name) const {
  const bool fits = !name.empty() && name.size() <= 63 && name[0] != '-' &&
                    std::all_of(name.begin(), name.end(),
                                [](unsigned char c) { return std::isalnum(c) != 0 || c == '-'; });
  if (!fits) {
    throw Error(Errc::invalid_argument, "\"" + name +
                                            "\" is no name for a box: expected letters, digits "
                                            "and '-', at most 63");
  }
  return folder_ / "boxes" / name;
}

oci::Image Boxes::image(const std::string& name, bool plain_http) {
  const auto reference = oci::Reference::parse(name);
  if (const auto here = images_.resolve(reference)) return *here;
  oci::RegistryClient registry({.defaults = {.plain_http = plain_http}});
  return oci::pull(registry, images_, reference);
}

container::ContainerOptions Boxes::options(const Definition& definition) {
  const auto image = images_.resolve(oci::Reference::parse(definition.image));
  if (!image) throw Error(Errc::not_found, "the image " + definition.image + " is gone");
  container::ContainerOptions options{
      .image = *image,
      .store = images_,
      .folder = path_of(definition.name),
      .backend = make_backend(),
      .kernel = {.image = definition.kernel, .modules = definition.modules}};
  options.hostname = definition.name;
  options.cpu_count = definition.cpu_count;
  options.memory = definition.memory;
  options.network = true;
  options.keep = true;
  return options;
}

void Boxes::create(const Definition& definition, const std::vector<std::string>& keys) {
  const fs::path file = path_of(definition.name).concat(".json");
  if (fs::exists(file)) {
    throw Error(Errc::already_exists, "there is a box " + definition.name + " already");
  }
  container::Container box = container::Container::create(options(definition));
  try {
    add_user(disk(definition.name), {.name = definition.user, .keys = keys});
    std::ofstream out(file);
    out << nlohmann::json{{"name", definition.name},
                          {"image", definition.image},
                          {"user", definition.user},
                          {"cpus", definition.cpu_count},
                          {"memory", definition.memory.bytes()},
                          {"kernel", fs::absolute(definition.kernel).string()},
                          {"modules", definition.modules.empty()
                                          ? std::string()
                                          : fs::absolute(definition.modules).string()}}
               .dump(2);
    if (!out.flush()) throw Error(Errc::io, file.string() + " cannot be written");
  } catch (...) {
    box.remove();
    fs::remove(file);
    throw;
  }
}

container::Container Boxes::open(const Definition& definition,
                                 std::vector<container::PortMapping> ports) {
  auto opened = options(definition);
  opened.ports = std::move(ports);
  return container::Container::open(std::move(opened));
}

Definition Boxes::find(const std::string& name) const {
  std::ifstream in(path_of(name).concat(".json"));
  if (!in) throw Error(Errc::not_found, "there is no box " + name);
  const auto json = nlohmann::json::parse(in);
  return {.name = json.at("name"),
          .image = json.at("image"),
          .user = json.at("user"),
          .cpu_count = json.at("cpus"),
          .memory = ByteSize(json.at("memory")),
          .kernel = json.at("kernel").get<std::string>(),
          .modules = json.at("modules").get<std::string>()};
}

std::vector<Definition> Boxes::list() const {
  std::vector<Definition> found;
  for (const auto& entry : fs::directory_iterator(folder_ / "boxes")) {
    if (entry.path().extension() == ".json") found.push_back(find(entry.path().stem()));
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

void Boxes::remove(const std::string& name) {
  open(find(name)).remove();  // refuses one that runs
  fs::remove(path_of(name).concat(".json"));
}

fs::path Boxes::disk(const std::string& name) const {
  return container::container_disk(path_of(name));
}

std::string Boxes::state(const std::string& name) const {
  for (const auto& record : container::list_containers(folder_ / "boxes")) {
    if (record.folder.filename() != name) continue;
    if (record.in_use) return "running";
    return record.state == container::RecordState::abandoned ? "crashed" : "stopped";
  }
  throw Error(Errc::not_found, "there is no box " + name);
}

}  // namespace devbox
