#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tether/base/secret.h"

namespace tether {

/// Knows secret values and takes them out of texts: a last net under the rule that nobody puts one in. A value is known
/// as it is and as a JSON string has it, since others quote in JSON. Any thread: texts, however long, are looked
/// through beside each other, and only who adds a value has it to themselves.
class Redactor {
 public:
  /// Values beyond this many push out the oldest of those that may be forgotten.
  static constexpr std::size_t kMaxSecrets = 10'000;
  /// Shorter values are not remembered: they would blot out ordinary words.
  static constexpr std::size_t kMinSecretBytes = 6;
  static constexpr std::string_view kPlaceholder = "[redacted]";

  void add_secret(const Secret& secret);
  /// For the few values that must never be forgotten, however many others come: our own token.
  void add_lasting_secret(const Secret& secret);

  /// `text` with every known value replaced by kPlaceholder. Costs one look-up a byte, however many values are known.
  std::string redact(std::string_view text) const;
  /// The same, then cut to about `max_bytes`. In this order: half a value would not be known any more.
  /// Reads no more of it than that takes.
  std::string redact(std::string_view text, std::size_t max_bytes) const;
  /// The same of what begins in the first `max_bytes` of `text`: a value that reaches beyond them is known all the
  /// same.
  std::string redact_beginning(std::string_view text, std::size_t max_bytes) const;

  /// How many values are known that may be forgotten.
  std::size_t size() const;

 private:
  using Prefix = std::uint64_t;  ///< The first kMinSecretBytes bytes of a value.
  static Prefix prefix_of(std::string_view text);
  void add(const Secret& secret, bool lasting);
  void add_as_it_is(const Secret& secret, bool lasting);
  void forget_oldest();
  std::size_t match_at(std::string_view text) const;
  std::string replace_in(std::string_view text, std::size_t max_read, std::size_t max_written) const;

  struct Known {
    Prefix prefix;
    Secret secret;
  };

  mutable std::shared_mutex mutex_;
  std::unordered_map<Prefix, std::vector<Secret>> by_prefix_;  ///< Longest first.
  std::deque<Known> order_;                                    ///< Oldest first, without the lasting.
};

}  // namespace tether
