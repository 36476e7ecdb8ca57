#pragma once

#include <functional>
#include <string_view>

namespace tether::protocol {

/// Calls `on_handle` for each `{{ secret "handle" }}` in the text; internal to read_document. The quotes may have a
/// backslash before them (a placeholder inside JSON inside YAML). Linear in the text: a hand-written scanner, because
/// std::regex recurses once per character.
void find_placeholders(std::string_view text, const std::function<void(std::string_view handle)>& on_handle);

}  // namespace tether::protocol
