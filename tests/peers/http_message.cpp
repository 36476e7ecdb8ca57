#include "tether/peers/http_message.h"

#include <algorithm>
#include <charconv>

#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

bool take_request_line(std::string_view line, HttpRequest& request) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first || !line.substr(last + 1).starts_with("HTTP/1.")) return false;
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, last - first - 1);
  const std::size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  request.query = mark == std::string::npos ? "" : request.target.substr(mark + 1);
  return true;
}

}  // namespace

std::string HttpRequest::header(const std::string& lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? "" : found->second;
}

std::optional<std::string> HttpRequest::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return url_decoded(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1));
  }
  return std::nullopt;
}

std::string_view status_reason(int status) {
  return reason_of(status);
}

std::string serialized(const HttpResponse& response) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason_of(response.status));
  for (const auto& [name, value] : response.headers) text += "\r\n" + name + ": " + value;
  const bool has_body = response.status >= 200 && response.status != 204;
  if (has_body) {
    text += "\r\nContent-Type: " + response.content_type;
    text += "\r\nContent-Length: " + std::to_string(response.body.size());
  }
  text += "\r\n\r\n";
  return has_body ? text + response.body : text;
}

Io HttpReader::fill(TimePoint deadline) {
  while (true) {
    const Io io = stream_.read_some(buffer_, deadline);
    if (io != Io::Woken) return io;
    if (stream_.aborted()) return Io::Closed;
  }
}

Io HttpReader::read_line(std::string& line, TimePoint deadline) {
  std::size_t end = buffer_.find("\r\n");
  while (end == std::string::npos) {
    if (buffer_.size() > kMaxHead) return Io::Closed;
    if (const Io io = fill(deadline); io != Io::Ok) return io;
    end = buffer_.find("\r\n");
  }
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return Io::Ok;
}

Io HttpReader::read_head(HttpRequest& request, TimePoint deadline) {
  request = {};
  std::string line;
  if (const Io io = read_line(line, deadline); io != Io::Ok) return io;
  if (!take_request_line(line, request)) return Io::Closed;
  while (true) {
    if (const Io io = read_line(line, deadline); io != Io::Ok) return io;
    if (line.empty()) return Io::Ok;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos) return Io::Closed;
    request.headers[lower(line.substr(0, colon))] = trimmed(std::string_view(line).substr(colon + 1));
  }
}

Io HttpReader::read_exactly(std::uint64_t count, const std::function<void(std::string_view)>& piece,
                            TimePoint deadline) {
  while (count > 0) {
    if (buffer_.empty()) {
      if (const Io io = fill(deadline); io != Io::Ok) return io;
    }
    const std::size_t now = std::min<std::uint64_t>(count, buffer_.size());
    piece(std::string_view(buffer_).substr(0, now));
    buffer_.erase(0, now);
    count -= now;
  }
  return Io::Ok;
}

Io HttpReader::read_body(const HttpRequest& request, const std::function<void(std::string_view)>& piece,
                         TimePoint deadline) {
  if (lower(request.header("transfer-encoding")) != "chunked") {
    const std::string length = request.header("content-length");
    std::uint64_t count = 0;
    std::from_chars(length.data(), length.data() + length.size(), count);
    return read_exactly(count, piece, deadline);
  }
  while (true) {
    std::string line;
    if (const Io io = read_line(line, deadline); io != Io::Ok) return io;
    constexpr int kHex = 16;
    std::uint64_t count = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), count, kHex).ec != std::errc()) return Io::Closed;
    if (count > 0) {
      if (const Io io = read_exactly(count, piece, deadline); io != Io::Ok) return io;
    }
    if (const Io io = read_line(line, deadline); io != Io::Ok) return io;
    if (count == 0) return Io::Ok;
  }
}

Io HttpReader::read_body(const HttpRequest& request, std::string& into, TimePoint deadline) {
  return read_body(
      request, [&into](std::string_view piece) { into += piece; }, deadline);
}

std::string HttpReader::take_rest() {
  return std::exchange(buffer_, {});
}

}  // namespace tether::peers
