#include "tether/settings/gateway_peer.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace tether {
namespace {

constexpr std::size_t kMaxNameBytes = 256;
/// A group's entry holds the names of all its members.
constexpr std::size_t kEntryBytes = std::size_t{64} * 1024;

bool is_number(const std::string& name) {
  return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::uint32_t> parse_id(const std::string& digits) {
  constexpr std::uint32_t kNoId = UINT32_MAX;  // What chown and friends take for "leave it".
  if (digits.size() > 10) return std::nullopt;
  const auto id = std::strtoull(digits.c_str(), nullptr, 10);
  if (id >= kNoId) return std::nullopt;
  return static_cast<std::uint32_t>(id);
}

std::optional<std::uint32_t> find_uid(const std::string& name) {
  if (is_number(name)) return parse_id(name);
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> room(kEntryBytes);
  const bool failed = ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0;
  if (failed || found == nullptr) return std::nullopt;
  return entry.pw_uid;
}

std::optional<std::uint32_t> find_gid(const std::string& name) {
  if (is_number(name)) return parse_id(name);
  group entry{};
  group* found = nullptr;
  std::vector<char> room(kEntryBytes);
  const bool failed = ::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0;
  if (failed || found == nullptr) return std::nullopt;
  return entry.gr_gid;
}

}  // namespace

void read_peer(SettingReader& in, GatewaySettings& out) {
  if (const auto name = in.text(setting::kGatewayUser, kMaxNameBytes)) {
    if (const auto uid = find_uid(*name)) {
      out.user = GatewayUser{*name, *uid};
    } else {
      in.wrong(*in.given(setting::kGatewayUser), "the name of a user of this machine, or a numeric uid");
    }
  }
  if (const auto name = in.text(setting::kGatewayGroup, kMaxNameBytes)) {
    if (const auto gid = find_gid(*name)) {
      out.group = GatewayGroup{*name, *gid};
    } else {
      in.wrong(*in.given(setting::kGatewayGroup), "the name of a group of this machine, or a numeric gid");
    }
  }
}

}  // namespace tether
