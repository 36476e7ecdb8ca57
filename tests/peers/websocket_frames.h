#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tether::peers {

enum class Opcode : std::uint8_t { Continuation = 0, Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10 };

struct Frame {
  Opcode opcode = Opcode::Text;
  bool masked = false;
  bool final = true;
  std::string payload;  ///< Unmasked.
};

/// A server's frame: unmasked, in one piece.
std::string server_frame(Opcode opcode, std::string_view payload);
std::string server_close_frame(std::uint16_t code, std::string_view reason);
/// A client's frame: masked, in one piece.
std::string client_frame(Opcode opcode, std::string_view payload);

/// Takes one whole frame off the front of `buffer`, or nothing if it is not there yet.
std::optional<Frame> take_frame(std::string& buffer);

/// The `Sec-WebSocket-Accept` that answers a key.
std::string accept_key(std::string_view key);

}  // namespace tether::peers
