#include "tether/settings/token.h"

#include <algorithm>
#include <utility>

#include "tether/settings/read_file.h"

namespace tether {

namespace {

std::optional<Secret> without_line_ends(const std::string& text) {
  const auto last = text.find_last_not_of("\r\n");
  if (last == std::string::npos) return std::nullopt;
  std::string token = text.substr(0, last + 1);
  if (!is_usable_token(token)) return std::nullopt;
  return Secret(std::move(token));
}

}  // namespace

bool is_usable_token(const std::string& token) {
  return !token.empty() && token.size() <= kMaxTokenBytes &&
         std::ranges::all_of(token, [](char c) { return c > ' ' && c <= '~'; });
}

TokenSource TokenSource::value(std::string variable, Secret token) {
  TokenSource out;
  out.kind_ = Kind::Value;
  out.name_ = std::move(variable);
  out.value_ = std::move(token);
  return out;
}

TokenSource TokenSource::file(std::string path) {
  TokenSource out;
  out.kind_ = Kind::File;
  out.name_ = std::move(path);
  return out;
}

TokenSource TokenSource::credential(std::string path) {
  TokenSource out = file(std::move(path));
  out.kind_ = Kind::Credential;
  return out;
}

std::optional<Secret> TokenSource::read() const {
  if (kind_ == Kind::None) return std::nullopt;
  if (kind_ == Kind::Value) return without_line_ends(value_.reveal());
  auto content = read_file(name_, kMaxTokenBytes);
  if (!content) return std::nullopt;
  const Secret held(std::move(*content));  // Wiped when it goes.
  return without_line_ends(held.reveal());
}

std::string TokenSource::why_none() const {
  if (!path() || read()) return "";
  const auto content = read_file(name_, kMaxTokenBytes);
  if (!content) return name_ + ": " + content.error().message;
  const bool empty = content->find_first_not_of("\r\n") == std::string::npos;
  return name_ + (empty ? " is empty" : " holds something that is no token: printable ASCII without blanks is wanted");
}

std::optional<std::string> TokenSource::path() const {
  if (kind_ == Kind::File || kind_ == Kind::Credential) return name_;
  return std::nullopt;
}

std::string TokenSource::describe() const {
  switch (kind_) {
    case Kind::None:
      return "none";
    case Kind::Value:
      return "variable " + name_;
    case Kind::File:
      return "TETHER_REGISTRATION_TOKEN_FILE or control_plane.token_file (" + name_ + ")";
    case Kind::Credential:
      return "systemd credential registration-token";
  }
  return "none";
}

}  // namespace tether
