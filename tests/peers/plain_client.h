#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tether/base/time.h"
#include "tether/peers/http_message.h"
#include "tether/peers/stream.h"
#include "tether/peers/websocket_frames.h"

namespace tether::peers {

struct HttpAnswer {
  int status = 0;  ///< 0: the connection ended first.
  std::map<std::string, std::string> headers;
  std::string body;

  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false); }
};

/// A small blocking client without TLS, to prove the stand-ins with. One connection.
class PlainClient {
 public:
  static std::unique_ptr<PlainClient> to_port(std::uint16_t port);
  static std::unique_ptr<PlainClient> to_socket(const std::string& path);

  HttpAnswer ask(const std::string& method, const std::string& target, const std::string& body = {},
                 const std::vector<std::string>& headers = {});
  /// The upgrade; the answer's status is 101 if it worked.
  HttpAnswer dial(const std::string& token, const std::vector<std::string>& more_headers = {});

  void send(const std::string& bytes);
  void send_text(const std::string& text) { send(client_frame(Opcode::Text, text)); }
  /// The next frame; nullopt: none within the limit, or the connection ended.
  std::optional<Frame> next_frame(Duration limit = 5s);
  /// The next text frame as JSON, pings answered on the way; null if none comes.
  nlohmann::json next_message(Duration limit = 5s);
  /// Skips messages until one of this type comes; null if none does.
  nlohmann::json message_of_type(const std::string& type, Duration limit = 5s);
  /// Whether the connection ends within the limit.
  bool ends(Duration limit = 5s);

 private:
  explicit PlainClient(int fd) : stream_(fd) {}

  bool read_line(std::string& line, TimePoint deadline);

  Stream stream_;
  std::string buffer_;
};

}  // namespace tether::peers
