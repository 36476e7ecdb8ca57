#include "tether/http/peer_policy.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace tether::http {
namespace {

std::string octal(mode_t mode) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777U));
  return text.data();
}

std::string expected(const PeerPolicy& policy) {
  std::string out;
  if (policy.user) out = "user " + std::to_string(*policy.user) + " (gateway.user)";
  if (policy.group) {
    out += (out.empty() ? "" : " or ") + std::string("group ") + std::to_string(*policy.group) + " (gateway.group)";
  }
  return out.empty() ? "our own user or root (gateway.user and gateway.group name others)" : out;
}

bool is_named(const PeerPolicy& policy, Owner owner) {
  return (policy.user && owner.user == *policy.user) || (policy.group && owner.group == *policy.group);
}

}  // namespace

std::optional<std::string> why_not_peer(const PeerPolicy& policy, Owner peer, uid_t own) {
  const bool names_somebody = policy.user || policy.group;
  if (names_somebody ? is_named(policy, peer) : peer.user == own || peer.user == 0) return std::nullopt;
  return "user " + std::to_string(peer.user) + " of group " + std::to_string(peer.group) +
         " is behind the socket, expected " + expected(policy);
}

std::optional<std::string> why_not_folder(const PeerPolicy& policy, Owner owner, mode_t mode, uid_t own, bool above) {
  const bool sticky_will_do = above && (mode & S_ISVTX) != 0;
  if ((mode & S_IWOTH) != 0 && !sticky_will_do) {
    // A sticky one is meant to be everybody's, as /tmp: to close it would break others.
    const std::string mend = (mode & S_ISVTX) != 0 ? "give the socket a folder of its own" : "chmod o-w ends that";
    return "every user may write to it (mode " + octal(mode) + ") and put a socket there; " + mend;
  }
  if (owner.user == 0 || owner.user == own || is_named(policy, owner)) return std::nullopt;
  return "user " + std::to_string(owner.user) + " owns it and may put a socket there, expected root, our own user or " +
         (policy.user || policy.group ? expected(policy) : "whom gateway.user names");
}

std::optional<std::string> why_not_socket_folder(const PeerPolicy& policy, const std::string& path) {
  std::error_code error;
  const auto folder = std::filesystem::canonical(std::filesystem::absolute(path, error).parent_path(), error);
  if (error) return std::nullopt;
  bool above = false;
  for (auto at = folder;; at = at.parent_path()) {
    struct stat about {};
    if (::stat(at.c_str(), &about) != 0) return std::nullopt;
    const auto why_not = why_not_folder(policy, {about.st_uid, about.st_gid}, about.st_mode, ::geteuid(), above);
    if (why_not) return "the folder " + at.string() + " is not safe: " + *why_not;
    if (at == at.root_path()) return std::nullopt;
    above = true;
  }
}

}  // namespace tether::http
