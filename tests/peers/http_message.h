#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"
#include "tether/peers/stream.h"

namespace tether::peers {

struct HttpRequest {
  std::string method;
  std::string target;                          ///< As sent.
  std::string path;                            ///< Up to the `?`, as sent.
  std::string query;                           ///< After it.
  std::map<std::string, std::string> headers;  ///< Names in lower case.

  std::string header(const std::string& lower_case_name) const;
  /// A query parameter, decoded.
  std::optional<std::string> parameter(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// `Not Found` for 404; `Status` for what it does not know.
std::string_view status_reason(int status);

/// Head and body with a length; without Content-Type and body for 1xx and 204.
std::string serialized(const HttpResponse& response);

/// Reads HTTP/1.1 requests off one stream, one after the other.
class HttpReader {
 public:
  static constexpr std::size_t kMaxHead = 64 * 1024;

  explicit HttpReader(Stream& stream) : stream_(stream) {}

  /// The next request's head. Io::Closed also when it is not HTTP.
  Io read_head(HttpRequest& request, TimePoint deadline);
  /// The body of that request, in pieces, as they come. Must be called before the next head.
  Io read_body(const HttpRequest& request, const std::function<void(std::string_view)>& piece, TimePoint deadline);
  Io read_body(const HttpRequest& request, std::string& into, TimePoint deadline);
  /// What was read beyond the last request: the first bytes after an upgrade.
  std::string take_rest();

 private:
  Io fill(TimePoint deadline);
  Io read_line(std::string& line, TimePoint deadline);
  Io read_exactly(std::uint64_t count, const std::function<void(std::string_view)>& piece, TimePoint deadline);

  Stream& stream_;
  std::string buffer_;
};

}  // namespace tether::peers
