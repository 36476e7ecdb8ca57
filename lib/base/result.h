#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace tether {

/// What the caller should do about a failure. The message is for people, the kind is for code.
enum class ErrorKind {
  Retry,    ///< The other side is away or busy: back off and try again.
  Reject,   ///< This input is bad and will stay bad: count it, drop it, go on.
  Corrupt,  ///< Our own stored state can't be trusted: set it aside and say so.
};

struct Error {
  ErrorKind kind;
  std::string message;  ///< One sentence, no secrets in it; grows from the inside out ("store: open …: …").
};

/// The one way to fail for a reason outside the program. Use `if (!r)`, `*r`, `r->` and `r.error()`.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

/// Success without a value.
struct Done {};

inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

/// The same failure one layer further out: `context: message`.
inline tl::unexpected<Error> wrap(const std::string& context, Error error) {
  error.message = context + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace tether
