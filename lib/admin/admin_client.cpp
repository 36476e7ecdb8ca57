#include "tether/admin/admin_client.h"

#include <httplib.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <utility>

#include "tether/admin/operator_command.h"
#include "tether/admin/unix_socket.h"
#include "tether/base/authority.h"
#include "tether/base/controls.h"

namespace tether {
namespace {

constexpr std::chrono::seconds kConnectTimeout{2};
constexpr std::chrono::seconds kAnswerTimeout{10};
/// A daemon that is busy may be slow to read, and hangs up on who has sent nothing for a second.
constexpr int kTries = 3;

std::string address_of(const AdminEndpoint& at) {
  if (!at.unix_path.empty()) return at.unix_path;
  return authority(at.host, at.port);
}

/// cpp-httplib's client over a Unix socket.
class UnixClient : public httplib::ClientImpl {
 public:
  explicit UnixClient(std::string path) : ClientImpl("localhost"), path_(std::move(path)) {}

 private:
  bool create_and_connect_socket(Socket& socket, httplib::Error& error) override {
    socket.sock = connect_to_unix_socket(path_);
    if (socket.sock >= 0) return true;
    // The one reason that names what to do, in the library's word for a connection that was let go.
    error = errno == EACCES ? httplib::Error::Canceled : httplib::Error::Connection;
    return false;
  }

  std::string path_;
};

std::unique_ptr<httplib::ClientImpl> client_of(const AdminEndpoint& at) {
  if (!at.unix_path.empty()) return std::make_unique<UnixClient>(at.unix_path);
  return std::make_unique<httplib::ClientImpl>(at.host, at.port);
}

std::string why(httplib::Error error) {
  if (error == httplib::Error::Connection) return "nobody listens there";
  if (error == httplib::Error::Canceled) {
    return "this user may not connect to it: do it as the daemon's user, as one of its group, or as root";
  }
  return httplib::to_string(error);
}

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

template <class Send>
httplib::Result ask(const AdminEndpoint& at, const std::optional<Secret>& token, Send send) {
  for (int i = 1;; ++i) {
    const auto client = client_of(at);
    client->set_connection_timeout(kConnectTimeout);
    client->set_read_timeout(kAnswerTimeout);
    httplib::Headers headers = {{"Host", "localhost"}};
    if (token) headers.emplace("Authorization", "Bearer " + token->reveal());
    client->set_default_headers(std::move(headers));
    httplib::Result answer = send(*client);
    const bool no_way = answer.error() == httplib::Error::Connection || answer.error() == httplib::Error::Canceled;
    if (answer || no_way || i == kTries) return answer;
  }
}

}  // namespace

AdminClient::AdminClient(AdminEndpoint at, std::optional<Secret> token) : at_(std::move(at)), token_(std::move(token)) {
  if (at_.host == "0.0.0.0") at_.host = "127.0.0.1";
  if (at_.host == "::") at_.host = "::1";
}

std::string no_answer(const Error& error) {
  return (error.kind == ErrorKind::Reject ? "the daemon does not say: " : "the daemon does not answer: ") +
         error.message;
}

Result<std::string> AdminClient::status() const {
  const auto answer = ask(at_, token_, [](httplib::ClientImpl& client) { return client.Get("/status"); });
  if (!answer) {
    return fail(ErrorKind::Retry, address_of(at_) + ": " + why(answer.error()));
  }
  if (answer->status == 401)
    return fail(ErrorKind::Reject, address_of(at_) + ": " + without_controls(trimmed(answer->body)));
  if (answer->status != 200) {
    return fail(ErrorKind::Retry, address_of(at_) + ": status " + std::to_string(answer->status));
  }
  return answer->body;
}

Result<std::string> AdminClient::get(const std::string& path,
                                     const std::multimap<std::string, std::string>& asked) const {
  const auto answer = ask(at_, token_, [&path, &asked](httplib::ClientImpl& client) {
    return client.Get(path, asked, httplib::Headers());
  });
  if (!answer) {
    return fail(ErrorKind::Retry, address_of(at_) + ": " + why(answer.error()));
  }
  if (answer->status != 200) return fail(ErrorKind::Reject, without_controls(trimmed(answer->body)));
  return answer->body;
}

Result<Done> AdminClient::command(const std::string& name, const std::string& body) const {
  const auto answer = ask(at_, token_, [&name, &body](httplib::ClientImpl& client) {
    return client.Post("/" + name, {{kCommandHeader, name}}, body, "application/json");
  });
  if (!answer) {
    return fail(ErrorKind::Retry, address_of(at_) + ": " + why(answer.error()));
  }
  if (answer->status != 202) return fail(ErrorKind::Reject, without_controls(trimmed(answer->body)));
  return Done{};
}

}  // namespace tether
