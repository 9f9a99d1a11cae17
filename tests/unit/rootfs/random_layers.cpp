// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "unit/rootfs/nasty_layers.hpp"
#include "unit/rootfs/test_layers.hpp"

namespace vmkit::test {
namespace {

/// Keeps a rough model of the tree, so that what it writes makes sense: parents exist, hard links
/// have targets. What comes out is not taken from the model: the peers tell.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) { nodes_[""] = {'5', {}, {}}; }

  std::vector<std::string> image() {
    std::vector<std::string> tars;
    const unsigned layers = 2 + pick(3);
    for (unsigned i = 0; i < layers; ++i) {
      touched_.clear();
      tar_.clear();
      if (i == 0) tar_ += tar_member({.name = "./", .type = '5', .mode = 0755});
      for (unsigned count = i == 0 ? 25 : 15; count > 0; --count) member(i > 0);
      tars.push_back(tar_ + tar_end());
    }
    return tars;
  }

 private:
  struct Node {
    char type;
    TarMember member;  // its attributes
    std::string xattr;
  };

  unsigned pick(std::size_t below) { return static_cast<unsigned>(random_() % below); }

  void member(bool with_whiteouts) {
    const std::string folder = some_folder();
    const std::string way = way_to(folder);
    const unsigned choice = pick(with_whiteouts ? 14 : 10);
    static const std::vector<std::string> names = {"a", "b", "c", "d", "e e", "\xc3\xa9", ".f"};
    const std::string base = names[pick(names.size())];
    if (choice == 13) return opaque(folder, way);
    if (choice >= 10) return whiteout(folder, way, base);
    add(folder, way, base, choice);
  }

  void add(const std::string& folder, const std::string& way, const std::string& base,
           unsigned choice) {
    const std::string path = join(folder, base);
    TarMember made{.name = join(way, base),
                   .mode = pick(010000),
                   .uid = pick(3) * 1000,
                   .gid = pick(3) * 500,
                   .mtime = 1'000'000'000 + pick(1000)};
    std::string xattr;
    if (choice <= 2) {
      made.type = '5';
      made.name += '/';
      made.mode |= 0700;
    } else if (choice <= 5) {
      made.data = std::string(pick(3) * pick(9000), static_cast<char>('a' + pick(26)));
    } else if (choice == 6) {
      made.type = '2';
      made.mode = 0777;
      made.link = pick(2) == 0 ? "/" + some_folder() : names_path();
      if (made.link.empty()) made.link = "nowhere";
    } else if (choice == 7) {
      made.type = pick(2) == 0 ? '3' : '4';
      made.major = pick(300);
      made.minor = pick(70'000);
    } else if (choice == 8) {
      made.type = '6';
    } else {
      return hard_link(path, made);
    }
    const bool plain = made.type == '0' || made.type == '5';
    if (plain && pick(3) == 0) xattr = "value" + std::to_string(pick(100));
    const auto old = nodes_.find(path);
    const bool merges = old != nodes_.end() && old->second.type == '5' && made.type == '5';
    if (!merges) erase(path);
    write(made, xattr);
    nodes_[path] = {made.type, made, xattr};
    touched_.insert(path);
  }

  void hard_link(const std::string& path, TarMember made) {
    std::vector<std::string> targets;
    for (const auto& [name, node] : nodes_) {
      // Not what the new name is about to replace.
      if (node.type != '5' && name != path && !name.starts_with(path + "/")) {
        targets.push_back(name);
      }
    }
    if (targets.empty()) return;
    const std::string target = targets[pick(targets.size())];
    const Node node = nodes_[target];
    const std::string name = made.name;
    made = node.member;  // the same attributes: umoci does not set those of hard links
    made.name = name;
    made.type = '1';
    made.link = target;
    made.data.clear();
    erase(path);
    write(made, node.xattr);
    nodes_[path] = node;
    touched_.insert(path);
  }

  void whiteout(const std::string& folder, const std::string& way, const std::string& base) {
    write({.name = join(way, ".wh." + base)}, {});
    hide(join(folder, base), true);
  }

  void opaque(const std::string& folder, const std::string& way) {
    write({.name = join(way, ".wh..wh..opq")}, {});
    hide(folder, false);
  }

  /// Takes away what is below `top` but what this layer has touched, and the folders to that.
  void hide(const std::string& top, bool with_top) {
    for (auto at = nodes_.begin(); at != nodes_.end();) {
      const bool below = top.empty() ? !at->first.empty() : at->first.starts_with(top + "/");
      const bool concerned = below || (with_top && at->first == top);
      at = concerned && !spared(at->first) ? nodes_.erase(at) : std::next(at);
    }
  }

  bool spared(const std::string& path) const {
    const auto at = touched_.lower_bound(path);
    if (at != touched_.end() && *at == path) return true;
    const auto below = touched_.lower_bound(path + "/");
    return below != touched_.end() && below->starts_with(path + "/");
  }

  void erase(const std::string& path) {
    for (auto at = nodes_.begin(); at != nodes_.end();) {
      const bool gone = at->first == path || at->first.starts_with(path + "/");
      at = gone ? nodes_.erase(at) : std::next(at);
    }
    for (auto at = touched_.begin(); at != touched_.end();) {
      const bool gone = *at == path || at->starts_with(path + "/");
      at = gone ? touched_.erase(at) : std::next(at);
    }
  }

  void write(const TarMember& member, const std::string& xattr) {
    std::vector<std::pair<std::string, std::string>> records = {
        {"mtime", std::to_string(member.mtime) + "." + std::to_string(100'000'000 + member.mode)}};
    if (!xattr.empty()) records.emplace_back("SCHILY.xattr.user.x", xattr);
    tar_ += pax_header(records) + tar_member(member);
  }

  std::string some_folder() {
    std::vector<std::string> folders;
    for (const auto& [name, node] : nodes_) {
      if (node.type == '5' && std::count(name.begin(), name.end(), '/') < 3) {
        folders.push_back(name);
      }
    }
    return folders[pick(folders.size())];
  }

  std::string names_path() { return std::next(nodes_.begin(), pick(nodes_.size()))->first; }

  /// How a member may name `folder`: as it is, with detours, or through an absolute symlink.
  std::string way_to(const std::string& folder) {
    if (pick(4) != 0) return folder;
    for (const auto& [name, node] : nodes_) {
      if (node.type == '2' && node.member.link == "/" + folder) return name;
    }
    return "./" + folder + "/nowhere/..";
  }

  static std::string join(const std::string& folder, const std::string& base) {
    return folder.empty() ? base : folder + "/" + base;
  }

  std::mt19937 random_;
  std::map<std::string, Node> nodes_;
  std::set<std::string> touched_;
  std::string tar_;
};

}  // namespace

std::vector<std::string> random_image(unsigned seed) {
  return Generator(seed).image();
}

}  // namespace vmkit::test
