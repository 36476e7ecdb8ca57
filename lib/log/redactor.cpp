#include "tether/log/redactor.h"

#include <algorithm>
#include <mutex>

#include "tether/base/utf8.h"
#include "tether/log/line.h"

namespace tether {
namespace {

/// `value` between the quotes of a JSON string that has no more escapes than it needs.
std::string in_json(std::string_view value) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kNamed = "\"\\\n\r\t\b\f";
  constexpr std::string_view kNames = "\"\\nrtbf";
  std::string out;
  out.reserve(value.size());
  for (const char c : value) {
    const auto code = static_cast<unsigned char>(c);
    if (const auto named = kNamed.find(c); named != std::string_view::npos) {
      out += '\\';
      out += kNames[named];
    } else if (code < 0x20) {
      out += "\\u00";
      out += kHex[code >> 4U];
      out += kHex[code & 0xFU];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

Redactor::Prefix Redactor::prefix_of(std::string_view text) {
  Prefix out = 0;
  for (const char c : text.substr(0, kMinSecretBytes)) out = (out << 8U) | static_cast<unsigned char>(c);
  return out;
}

void Redactor::add_secret(const Secret& secret) {
  add(secret, /*lasting=*/false);
}

void Redactor::add_lasting_secret(const Secret& secret) {
  add(secret, /*lasting=*/true);
}

void Redactor::add(const Secret& secret, bool lasting) {
  const std::string& value = secret.reveal();
  if (value.size() < kMinSecretBytes) return;
  if (Secret quoted(in_json(value)); quoted != secret) add_as_it_is(quoted, lasting);
  add_as_it_is(secret, lasting);
}

void Redactor::add_as_it_is(const Secret& secret, bool lasting) {
  const std::string& value = secret.reveal();
  const Prefix prefix = prefix_of(value);

  const std::lock_guard lock(mutex_);
  auto& known = by_prefix_[prefix];
  if (std::ranges::find(known, secret) != known.end()) {
    if (lasting) std::erase_if(order_, [&secret](const Known& other) { return other.secret == secret; });
    return;
  }
  // Longest first, so that a value that begins another one does not leave the other's tail behind.
  const auto is_shorter = [&value](const Secret& other) { return other.reveal().size() < value.size(); };
  known.insert(std::ranges::find_if(known, is_shorter), secret);
  if (lasting) return;
  order_.push_back({prefix, secret});
  if (order_.size() > kMaxSecrets) forget_oldest();
}

void Redactor::forget_oldest() {
  const auto& [prefix, secret] = order_.front();
  const auto known = by_prefix_.find(prefix);
  std::erase(known->second, secret);
  if (known->second.empty()) by_prefix_.erase(known);
  order_.pop_front();
}

/// How long the known value is that `text` begins with; 0 if it begins with none.
std::size_t Redactor::match_at(std::string_view text) const {
  if (text.size() < kMinSecretBytes) return 0;
  const auto known = by_prefix_.find(prefix_of(text));
  if (known == by_prefix_.end()) return 0;
  for (const Secret& secret : known->second) {
    if (text.starts_with(secret.reveal())) return secret.reveal().size();
  }
  return 0;
}

/// Of what begins in the first `max_read` bytes, and until more than `max_written` have come out.
std::string Redactor::replace_in(std::string_view text, std::size_t max_read, std::size_t max_written) const {
  const std::size_t unread = text.size() - std::min(text.size(), max_read);
  const std::shared_lock lock(mutex_);
  std::string out;
  out.reserve(std::min(text.size() - unread, max_written));
  while (text.size() > unread && out.size() <= max_written) {
    const std::size_t length = match_at(text);
    if (length == 0) {
      out += text.front();
      text.remove_prefix(1);
    } else {
      out += kPlaceholder;
      text.remove_prefix(length);
    }
  }
  return out;
}

std::string Redactor::redact(std::string_view text) const {
  return replace_in(text, text.size(), std::string::npos);
}

std::string Redactor::redact(std::string_view text, std::size_t max_bytes) const {
  return cut_text(replace_in(text, text.size(), max_bytes), max_bytes);
}

std::string Redactor::redact_beginning(std::string_view text, std::size_t max_bytes) const {
  return replace_in(text, cut_between_characters(text, max_bytes), std::string::npos);
}

std::size_t Redactor::size() const {
  const std::shared_lock lock(mutex_);
  return order_.size();
}

}  // namespace tether
