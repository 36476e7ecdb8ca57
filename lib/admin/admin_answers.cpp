#include "tether/admin/admin_answers.h"

#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "tether/base/constant_time.h"

namespace tether {
namespace {

constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kJson = "application/json";

Instant read_wall_clock() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count()};
}

bool brings(const httplib::Request& request, const Secret& token) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string given = request.get_header_value("Authorization");
  return given.starts_with(kScheme) &&
         is_equal_in_constant_time(std::string_view(given).substr(kScheme.size()), token.reveal());
}

}  // namespace

void answer(httplib::Response& response, int code, const std::string& body, const char* type) {
  response.status = code;
  response.set_content(body, type);
}

bool AdminAnswers::is_asked_by(const httplib::Request& request) const {
  if (!sources_.token) return true;
  const auto token = sources_.token();
  return token && brings(request, *token);
}

void AdminAnswers::redact(httplib::Response& response) const {
  if (sources_.redact) response.body = sources_.redact(response.body);
}

void AdminAnswers::livez(const httplib::Request& /*request*/, httplib::Response& response) {
  sources_.is_alive() ? answer(response, 200, "ok\n") : answer(response, 503, "the loop does not turn\n");
}

void AdminAnswers::readyz(const httplib::Request& /*request*/, httplib::Response& response) {
  const Status status = sources_.status();
  if (const auto why_not = why_not_ready(status)) return answer(response, 503, *why_not + "\n");
  const auto stale = why_stale(status, Clock::now());
  answer(response, 200, stale ? "ok, but stale: " + *stale + "\n" : "ok\n");
}

void AdminAnswers::status(const httplib::Request& /*request*/, httplib::Response& response) {
  answer(response, 200, to_json(sources_.status(), Clock::now()), kJson);
}

void AdminAnswers::metrics_text(const httplib::Request& /*request*/, httplib::Response& response) {
  const std::lock_guard lock(scraping_);
  metrics_.set_status(sources_.status(), Clock::now(), read_wall_clock());
  answer(response, 200, metrics_.text(), kMetricsText);
}

void AdminAnswers::resources(const httplib::Request& request, httplib::Response& response) {
  if (!sources_.resources) return answer(response, 503, "stopping\n");
  const auto asked = [&request](const char* name) { return request.get_param_value(name); };
  const auto body = sources_.resources({asked("name"), asked("kind"), asked("state"), asked("after")});
  if (body) return answer(response, 200, *body, kJson);
  answer(response, body.error().kind == ErrorKind::Reject ? 400 : 503, body.error().message + "\n");
}

void AdminAnswers::events(const httplib::Request& request, httplib::Response& response) {
  if (!sources_.events) return answer(response, 503, "stopping\n");
  const std::string text = request.has_param("after") ? request.get_param_value("after") : "0";
  std::uint64_t after = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, after);
  if (read.ec != std::errc() || read.ptr != end) return answer(response, 400, "`after` is a number\n");
  answer(response, 200, sources_.events(after), kJson);
}

void AdminAnswers::release(const std::string& body, httplib::Response& response) {
  if (!sources_.release) return answer(response, 503, "stopping\n");
  const auto agreed = read_release(body);
  if (!agreed) return answer(response, 400, agreed.error().message + "\n");
  if (const auto why_not = why_not_release(sources_.status(), *agreed)) return answer(response, 409, *why_not + "\n");
  sources_.release(*agreed);
  answer(response, 202, "asked\n");
}

void AdminAnswers::accept(const std::string& body, httplib::Response& response) {
  if (!sources_.accept) return answer(response, 503, "stopping\n");
  const auto agreed = read_acceptance(body);
  if (!agreed) return answer(response, 400, agreed.error().message + "\n");
  if (const auto why_not = why_not_accept(sources_.status(), *agreed)) return answer(response, 409, *why_not + "\n");
  sources_.accept(*agreed);
  answer(response, 202, "accepted\n");
}

}  // namespace tether
