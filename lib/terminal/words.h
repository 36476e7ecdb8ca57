#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// How numbers are told to people.
namespace tether::terminal {

/// The two largest units of it: `12 s`, `4 min`, `3 h 12 min`, `2 d 3 h`. Less than nothing is `0 s`.
std::string duration_in_words(double seconds);

/// `1 resource`, `2 resources`.
std::string count_of(std::int64_t count, std::string_view thing);

/// With blanks behind it, so that it takes at least this many bytes.
std::string padded(std::string text, std::size_t width);

}  // namespace tether::terminal
