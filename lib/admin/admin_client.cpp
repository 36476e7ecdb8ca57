#include "tether/admin/admin_client.h"

#include <httplib.h>

#include <chrono>
#include <utility>

#include "tether/admin/operator_command.h"
#include "tether/base/controls.h"

namespace tether {
namespace {

constexpr std::chrono::seconds kConnectTimeout{2};
constexpr std::chrono::seconds kAnswerTimeout{10};
/// A daemon that is busy may be slow to read, and hangs up on who has sent nothing for a second.
constexpr int kTries = 3;

std::string address_of(const std::string& host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string why(httplib::Error error) {
  return error == httplib::Error::Connection ? "nobody listens there" : httplib::to_string(error);
}

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

template <class Send>
httplib::Result ask(const std::string& host, std::uint16_t port, Send send) {
  for (int i = 1;; ++i) {
    httplib::Client client(host, port);
    client.set_connection_timeout(kConnectTimeout);
    client.set_read_timeout(kAnswerTimeout);
    client.set_default_headers({{"Host", "localhost"}});
    httplib::Result answer = send(client);
    const bool nobody_listens = answer.error() == httplib::Error::Connection;
    if (answer || nobody_listens || i == kTries) return answer;
  }
}

}  // namespace

AdminClient::AdminClient(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {
  if (host_ == "0.0.0.0") host_ = "127.0.0.1";
  if (host_ == "::") host_ = "::1";
}

Result<std::string> AdminClient::status() const {
  const auto answer = ask(host_, port_, [](httplib::Client& client) { return client.Get("/status"); });
  if (!answer) {
    return fail(ErrorKind::Retry, address_of(host_, port_) + ": " + why(answer.error()));
  }
  if (answer->status != 200) {
    return fail(ErrorKind::Retry, address_of(host_, port_) + ": status " + std::to_string(answer->status));
  }
  return answer->body;
}

Result<std::string> AdminClient::get(const std::string& path,
                                     const std::multimap<std::string, std::string>& asked) const {
  const auto answer = ask(
      host_, port_, [&path, &asked](httplib::Client& client) { return client.Get(path, asked, httplib::Headers()); });
  if (!answer) {
    return fail(ErrorKind::Retry, address_of(host_, port_) + ": " + why(answer.error()));
  }
  if (answer->status != 200) return fail(ErrorKind::Reject, without_controls(trimmed(answer->body)));
  return answer->body;
}

Result<Done> AdminClient::command(const std::string& name, const std::string& body) const {
  const auto answer = ask(host_, port_, [&name, &body](httplib::Client& client) {
    return client.Post("/" + name, {{kCommandHeader, name}}, body, "application/json");
  });
  if (!answer) {
    return fail(ErrorKind::Retry, address_of(host_, port_) + ": " + why(answer.error()));
  }
  if (answer->status != 202) return fail(ErrorKind::Reject, trimmed(answer->body));
  return Done{};
}

}  // namespace tether
