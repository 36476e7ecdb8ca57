#pragma once

#include <string.h>  // explicit_bzero

#include <string>
#include <utility>

namespace tether {

/// A string that cannot be printed, compared with `<`, or converted by accident. Reading it takes a call that can be
/// searched for. Its memory is overwritten when it goes.
class Secret {
 public:
  Secret() = default;
  /// Leaves nothing of it behind in `value`.
  explicit Secret(std::string&& value) : value_(std::move(value)) { wipe(value); }
  explicit Secret(const std::string& value) : value_(value) {}
  explicit Secret(const char* value) : value_(value) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe();
      value_ = other.value_;
    }
    return *this;
  }
  // Copied, then wiped: a moved short string would stay behind. NOLINTNEXTLINE(performance-move-constructor-init)
  Secret(Secret&& other) noexcept : value_(other.value_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe();
      value_ = other.value_;
      other.wipe();
    }
    return *this;
  }
  ~Secret() { wipe(); }

  bool empty() const { return value_.empty(); }
  /// The value, for the one place that must put it on a wire.
  const std::string& reveal() const { return value_; }

  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  void wipe() noexcept { wipe(value_); }
  /// All of its room: what was longer before, or was moved away from within it, too.
  static void wipe(std::string& text) noexcept {
    ::explicit_bzero(text.data(), text.capacity());
    text.clear();
  }

  std::string value_;
};

}  // namespace tether
