// SPDX-License-Identifier: Apache-2.0
// devbox: boxes to develop in, each a machine of its own. See README.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "boxes.hpp"
#include "profile.hpp"
#include "up.hpp"

namespace {

using namespace vmkit;
using devbox::Boxes;

std::vector<std::string> read_keys(const std::vector<std::string>& files) {
  std::vector<std::string> keys;
  for (const std::string& file : files) {
    std::ifstream in(file);
    if (!in) throw Error(Errc::not_found, file + ": there is no such key");
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) keys.push_back(line);
    }
  }
  return keys;
}

void list(Boxes& boxes) {
  std::printf("%-20s %-10s %-10s %s\n", "NAME", "STATE", "MEMORY", "IMAGE");
  for (const auto& box : boxes.list()) {
    std::printf("%-20s %-10s %-10s %s\n", box.name.c_str(), boxes.state(box.name).c_str(),
                to_string(box.memory).c_str(), box.image.c_str());
  }
}

void list_snapshots(Boxes& boxes, const std::string& name) {
  const disk::Snapshots snapshots(boxes.disk(boxes.find(name).name));
  const std::string current = snapshots.current();
  for (const auto& snapshot : snapshots.list()) {
    const std::string origin = snapshot.parent.empty() ? "" : ", from " + snapshot.parent;
    std::printf("%s %s%s\n", snapshot.name == current ? "*" : " ", snapshot.name.c_str(),
                origin.c_str());
  }
}

/// The difference between the image and a snapshot becomes a layer, and the whole an image that
/// others can pull.
void publish(Boxes& boxes, const std::string& name, const std::string& snapshot,
             const std::string& target, bool plain_http) {
  const devbox::Definition box = boxes.find(name);
  const auto base = boxes.image(box.image, plain_http);
  const auto reference = oci::Reference::parse(target);
  for (const auto& one : disk::Snapshots(boxes.disk(name)).list()) {
    if (one.name != snapshot) continue;
    const auto made = container::commit(boxes.images(), base, one.path, reference,
                                        {.created_by = "devbox publish " + name + " " + snapshot});
    oci::RegistryClient registry({.defaults = {.plain_http = plain_http}});
    oci::push(registry, boxes.images(), reference, reference);
    std::printf("%s %s\n", target.c_str(), made.image.descriptor.digest.to_string().c_str());
    return;
  }
  throw Error(Errc::not_found, "box " + name + " has no snapshot " + snapshot);
}

std::string default_home() {
  const char* data = std::getenv("XDG_DATA_HOME");
  const char* home = std::getenv("HOME");
  if (data != nullptr && *data != '\0') return std::string(data) + "/devbox";
  return std::string(home != nullptr ? home : ".") + "/.local/share/devbox";
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app("Boxes to develop in, each a machine of its own.", "devbox");
  app.require_subcommand(1);
  std::string home = default_home();
  app.add_option("--home", home, "Where images and boxes are")->capture_default_str();
  bool plain_http = false;
  app.add_flag("--plain-http", plain_http, "The registry has no TLS");
  devbox::Definition wanted;
  std::string snapshot;
  std::string target;
  std::string profile;
  std::string memory = "1G";
  std::vector<std::string> keys;
  std::vector<std::string> words;
  int status = 0;

  const auto command = [&](const char* name, const char* help, auto action) {
    auto* sub = app.add_subcommand(name, help);
    sub->callback([&, action] {
      Boxes boxes(home);
      action(boxes);
    });
    return sub;
  };
  const auto on_box = [&](const char* name, const char* help, auto action) {
    auto* sub = command(name, help, action);
    sub->add_option("NAME", wanted.name, "The box")->required();
    return sub;
  };

  auto* create = on_box("create", "Make a box from an image", [&](Boxes& boxes) {
    wanted.memory = ByteSize::parse(memory);
    boxes.image(wanted.image, plain_http);
    boxes.create(wanted, read_keys(keys));
  });
  create->add_option("IMAGE", wanted.image)->required();
  create->add_option("--user", wanted.user, "Who works in it, and may sudo")->capture_default_str();
  create->add_option("--key", keys, "A file with SSH keys that let the user in");
  create->add_option("--kernel", wanted.kernel, "The kernel it boots")->required();
  create->add_option("--modules", wanted.modules, "The folder with the kernel's modules.dep");
  create->add_option("--cpus", wanted.cpu_count)->capture_default_str();
  create->add_option("--memory", memory)->capture_default_str();

  on_box("up", "Start a box, and keep it up until Ctrl-C", [&](Boxes& boxes) {
    status = devbox::up(boxes, boxes.find(wanted.name),
                        profile.empty() ? devbox::Profile() : devbox::read_profile(profile));
  })->add_option("--profile", profile, "A YAML file with services and proxies");
  on_box("run", "Run one command in a box that is not up",
         [&](Boxes& boxes) { status = devbox::run(boxes, boxes.find(wanted.name), words); })
      ->add_option("COMMAND", words)
      ->required();
  on_box("snapshot", "Keep the state of a box that is not up",
         [&](Boxes& boxes) { disk::Snapshots(boxes.disk(wanted.name)).create(snapshot); })
      ->add_option("SNAPSHOT", snapshot)
      ->required();
  on_box("restore", "Go back to a snapshot",
         [&](Boxes& boxes) { disk::Snapshots(boxes.disk(wanted.name)).restore(snapshot); })
      ->add_option("SNAPSHOT", snapshot)
      ->required();
  on_box("snapshots", "A box's snapshots; * is what it stems from",
         [&](Boxes& boxes) { list_snapshots(boxes, wanted.name); });
  auto* publishing =
      on_box("publish", "Make an image of a snapshot and push it",
             [&](Boxes& boxes) { publish(boxes, wanted.name, snapshot, target, plain_http); });
  publishing->add_option("SNAPSHOT", snapshot)->required();
  publishing->add_option("REF", target)->required();
  command("list", "All boxes", list);
  on_box("remove", "Remove a box and its snapshots",
         [&](Boxes& boxes) { boxes.remove(wanted.name); });

  CLI11_PARSE(app, argc, argv);
  return status;
} catch (const vmkit::Error& error) {
  std::fprintf(stderr, "devbox: %s\n", error.what());
  return 125;
}
