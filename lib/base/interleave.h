#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace tether {

/// How long one address has before the next is tried beside it (RFC 8305 section 5 recommends this).
inline constexpr std::chrono::milliseconds kAddressDelay{250};

/// The same in another order: the first stays, and after that the ones of the other kind and of its kind take turns,
/// each kind in the order that it had (RFC 8305 section 4, for the addresses of two families).
template <class T, class IsFirstKind>
std::vector<T> interleaved(const std::vector<T>& all, IsFirstKind is_first_kind) {
  std::vector<T> first;
  std::vector<T> other;
  for (const T& one : all) (is_first_kind(one) ? first : other).push_back(one);
  std::vector<T> mixed;
  for (std::size_t i = 0; i < first.size() || i < other.size(); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < other.size()) mixed.push_back(other[i]);
  }
  return mixed;
}

}  // namespace tether
