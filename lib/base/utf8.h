#pragma once

#include <string_view>

namespace tether {

/// Whether it is UTF-8 in its shortest form, without surrogates. The empty text is.
bool is_utf8(std::string_view text);

}  // namespace tether
