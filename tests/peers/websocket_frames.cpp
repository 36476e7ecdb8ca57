#include "tether/peers/websocket_frames.h"

#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

constexpr unsigned kFinal = 0x80;
constexpr unsigned kMasked = 0x80;
constexpr std::size_t kMaskBytes = 4;

std::string head_of(Opcode opcode, std::size_t size, unsigned mask_bit) {
  std::string head(1, static_cast<char>(kFinal | static_cast<unsigned>(opcode)));
  int length_bytes = 0;
  if (size < 126) {
    head += static_cast<char>(mask_bit | static_cast<unsigned>(size));
  } else {
    length_bytes = size <= 0xFFFF ? 2 : 8;
    head += static_cast<char>(mask_bit | (length_bytes == 2 ? 126U : 127U));
  }
  for (int i = length_bytes - 1; i >= 0; --i)
    head += static_cast<char>((static_cast<std::uint64_t>(size) >> (8 * i)) & 0xFFU);
  return head;
}

unsigned byte_at(const std::string& buffer, std::size_t at) {
  return static_cast<unsigned char>(buffer[at]);
}

void unmask(std::string& payload, const std::string& mask) {
  for (std::size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<char>(byte_at(payload, i) ^ byte_at(mask, i % kMaskBytes));
  }
}

}  // namespace

std::string server_frame(Opcode opcode, std::string_view payload) {
  return head_of(opcode, payload.size(), /*mask_bit=*/0).append(payload);
}

std::string server_close_frame(std::uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
  return server_frame(Opcode::Close, payload.append(reason));
}

std::string client_frame(Opcode opcode, std::string_view payload) {
  const std::string mask = random_token().substr(0, kMaskBytes);
  std::string masked(payload);
  unmask(masked, mask);
  return head_of(opcode, payload.size(), kMasked) + mask + masked;
}

std::optional<Frame> take_frame(std::string& buffer) {
  if (buffer.size() < 2) return std::nullopt;
  Frame frame;
  frame.final = (byte_at(buffer, 0) & kFinal) != 0;
  frame.opcode = static_cast<Opcode>(byte_at(buffer, 0) & 0x0FU);
  frame.masked = (byte_at(buffer, 1) & kMasked) != 0;

  std::uint64_t size = byte_at(buffer, 1) & 0x7FU;
  const std::size_t length_bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
  std::size_t at = 2 + length_bytes;
  if (buffer.size() < at) return std::nullopt;
  if (length_bytes != 0) size = 0;
  for (std::size_t i = 2; i < at; ++i) size = size << 8U | byte_at(buffer, i);

  const std::size_t mask_at = at;
  if (frame.masked) at += kMaskBytes;
  if (buffer.size() < at + size) return std::nullopt;
  frame.payload = buffer.substr(at, size);
  if (frame.masked) unmask(frame.payload, buffer.substr(mask_at, kMaskBytes));
  buffer.erase(0, at + size);
  return frame;
}

std::string accept_key(std::string_view key) {
  return sha1_base64(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
}

}  // namespace tether::peers
