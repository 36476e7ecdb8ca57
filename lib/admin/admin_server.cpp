#include "tether/admin/admin_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "tether/admin/admin_answers.h"
#include "tether/admin/http_server.h"
#include "tether/admin/unix_socket.h"

namespace tether {

namespace {

constexpr std::chrono::milliseconds kStopTimeout{900};

/// The library's own choice lets two processes listen on one port; a second daemon has to be told that it is taken.
void set_socket_options(socket_t socket) {
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

bool is_ipv4(const std::string& name) {
  in_addr address{};
  return ::inet_pton(AF_INET, name.c_str(), &address) == 1;
}

/// Of the `Host` header: a name that somebody else's DNS could point here is not this machine's.
bool names_this_machine(const std::string& host) {
  const bool is_v6 = host.starts_with("[");
  const std::string name = host.substr(0, is_v6 ? host.find(']') + 1 : host.find(':'));
  return name == "localhost" || name == "[::1]" || (is_loopback(name) && is_ipv4(name));
}

constexpr std::array<std::string_view, 2> kCommands = {kReleaseCommand, kAcceptCommand};

/// The command that this path takes; empty: none.
std::string_view command_of(std::string_view path) {
  for (const std::string_view command : kCommands) {
    if (path.starts_with('/') && path.substr(1) == command) return command;
  }
  return {};
}

/// GET, and for nobody but who is on this machine.
constexpr std::array<std::string_view, 2> kPrivatePaths = {"/resources", "/events"};

/// Whether this server is bound to a Unix socket: nobody who connects to it has an address, or is elsewhere.
enum class Socket { Tcp, Unix };

/// Loopback, or the address of ours that was connected to: one that is listened on can be asked from nowhere else here.
/// Whoever resets the connection behind his request has no address any more, and is not from here.
bool is_from_here(const httplib::Request& request) {
  return is_loopback(request.remote_addr) ||
         (!request.remote_addr.empty() && request.remote_addr == request.local_addr);
}

/// What a proxy adds: it is on this machine, and whoever asks through it may be anywhere.
bool has_come_by_proxy(const httplib::Request& request) {
  return std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
    std::string name = header.first;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return name == "forwarded" || name == "via" || name == "x-real-ip" || name.starts_with("x-forwarded-");
  });
}

/// Why this does not come from somebody on this machine, or from a page in a browser there.
std::optional<std::string> why_not_from_here(const httplib::Request& request, Socket socket) {
  if (socket == Socket::Tcp && !is_from_here(request)) return "only from this machine\n";
  if (has_come_by_proxy(request)) return "only from this machine, and not by a proxy\n";
  if (!names_this_machine(request.get_header_value("Host"))) return "only for a Host that is this machine\n";
  if (request.has_header("Origin") || request.has_header("Sec-Fetch-Site")) return "not from a page\n";
  return std::nullopt;
}

/// Why this is not that command of an operator on this machine.
std::optional<std::string> why_no_command(const httplib::Request& request, Socket socket, std::string_view command) {
  if (auto why_not = why_not_from_here(request, socket)) return why_not;
  if (request.get_header_value(kCommandHeader) != command) {
    return "only with the header " + std::string(kCommandHeader) + ": " + std::string(command) + "\n";
  }
  if (request.get_header_value("Content-Type") != "application/json") return "only with JSON in the body\n";
  return std::nullopt;
}

/// Without a token the address that is listened on is the only thing that keeps others out, and a page in a browser is
/// already behind it: with a name of its own that leads here, it could read what is told there.
/// Whoever sends no `Host` is no browser.
bool is_for_another_name(const httplib::Request& request) {
  const bool is_told = request.path == "/status" || request.path == "/metrics";
  return is_told && request.has_header("Host") && !names_this_machine(request.get_header_value("Host"));
}

/// Before any body is read.
httplib::Server::HandlerResponse refuse_other_methods(const httplib::Request& request, httplib::Response& response,
                                                      Socket socket) {
  const std::string_view command = command_of(request.path);
  const bool is_command_path = !command.empty();
  const bool is_allowed =
      is_command_path ? request.method == "POST" : request.method == "GET" || request.method == "HEAD";
  if (!is_allowed) {
    response.set_header("Allow", is_command_path ? "POST" : "GET, HEAD");
    answer(response, 405, is_command_path ? "only POST\n" : "only GET and HEAD\n");
    return httplib::Server::HandlerResponse::Handled;
  }
  // In pieces or packed a body has no length that could be looked at before it is in memory.
  if (request.has_header("Transfer-Encoding") || request.has_header("Content-Encoding")) {
    answer(response, 411, "only a body as it is, with its Content-Length\n");
    return httplib::Server::HandlerResponse::Handled;
  }
  const bool is_private = std::find(kPrivatePaths.begin(), kPrivatePaths.end(), request.path) != kPrivatePaths.end();
  if (!is_command_path && !is_private) return httplib::Server::HandlerResponse::Unhandled;
  const auto why_not = is_private ? why_not_from_here(request, socket) : why_no_command(request, socket, command);
  if (!why_not) return httplib::Server::HandlerResponse::Unhandled;
  answer(response, 403, *why_not);
  return httplib::Server::HandlerResponse::Handled;
}

bool needs_no_token(const std::string& path) {
  return path == "/livez" || path == "/readyz";
}

void explain_error(const httplib::Request& /*request*/, httplib::Response& response) {
  if (!response.body.empty()) return;
  response.set_content(response.status == 404 ? "try /livez, /readyz, /status, /metrics, /resources or /events\n"
                                              : "cannot answer that\n",
                       kText);
}

}  // namespace

struct AdminServer::Impl {
  Impl(AdminSources sources, Metrics& metrics)
      : asks_for_token(sources.token != nullptr),
        answers(std::make_shared<AdminAnswers>(std::move(sources), metrics)) {}

  HttpServer server{kMaxConsentBytes};
  int port = 0;
  const bool asks_for_token;
  std::string unix_path;  ///< Of the socket that we have made; empty: none.
  std::thread thread;

  std::mutex answers_mutex;
  std::condition_variable answer_given;
  std::shared_ptr<AdminAnswers> answers;  ///< nullptr once stopped.
  class Use;

  std::mutex ended_mutex;
  std::condition_variable ended_changed;
  bool ended = false;  ///< The serving thread has left the server.

  void route();
  std::string bind(const AdminEndpoint& at);
  bool may_ask(const httplib::Request& request);
  void get(const char* path, void (AdminAnswers::*handler)(const httplib::Request&, httplib::Response&));
  void command(const char* name, void (AdminAnswers::*handler)(const std::string& body, httplib::Response&));
  bool listens_within(std::chrono::milliseconds time);
};

/// The answers, or nullptr once they are no more. stop() waits for its end.
class AdminServer::Impl::Use {
 public:
  explicit Use(Impl& impl) : impl_(impl) {
    const std::lock_guard lock(impl_.answers_mutex);
    used_ = impl_.answers;
  }
  ~Use() {
    const std::lock_guard lock(impl_.answers_mutex);
    used_.reset();
    impl_.answer_given.notify_all();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  AdminAnswers* get() const { return used_.get(); }

 private:
  Impl& impl_;
  std::shared_ptr<AdminAnswers> used_;
};

void AdminServer::Impl::get(const char* path,
                            void (AdminAnswers::*handler)(const httplib::Request&, httplib::Response&)) {
  server.Get(path, [this, handler](const httplib::Request& request, httplib::Response& response) {
    const Use use(*this);
    if (use.get() == nullptr) return answer(response, 503, "stopping\n");
    (use.get()->*handler)(request, response);
    use.get()->redact(response);
  });
}

void AdminServer::Impl::command(const char* name,
                                void (AdminAnswers::*handler)(const std::string& body, httplib::Response&)) {
  server.Post("/" + std::string(name), [this, handler](const httplib::Request& request, httplib::Response& response) {
    const Use use(*this);
    if (use.get() == nullptr) return answer(response, 503, "stopping\n");
    (use.get()->*handler)(request.body, response);
  });
}

void AdminServer::Impl::route() {
  server.set_socket_options(set_socket_options);
  server.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    if (!may_ask(request)) {
      response.set_header("WWW-Authenticate", "Bearer");
      answer(response, 401,
             "a token is wanted, as Authorization: Bearer: that of admin.token_file (TETHER_ADMIN_TOKEN_FILE)\n");
      return httplib::Server::HandlerResponse::Handled;
    }
    if (unix_path.empty() && !asks_for_token && is_for_another_name(request)) {
      answer(response, 403, "only for a Host that is this machine: localhost, or its loopback address\n");
      return httplib::Server::HandlerResponse::Handled;
    }
    return refuse_other_methods(request, response, unix_path.empty() ? Socket::Tcp : Socket::Unix);
  });
  server.set_error_handler(explain_error);
  get("/livez", &AdminAnswers::livez);
  get("/readyz", &AdminAnswers::readyz);
  get("/status", &AdminAnswers::status);
  get("/metrics", &AdminAnswers::metrics_text);
  get("/resources", &AdminAnswers::resources);
  get("/events", &AdminAnswers::events);
  command(kReleaseCommand, &AdminAnswers::release);
  command(kAcceptCommand, &AdminAnswers::accept);
}

bool AdminServer::Impl::may_ask(const httplib::Request& request) {
  if (needs_no_token(request.path)) return true;
  const Use use(*this);
  return use.get() == nullptr || use.get()->is_asked_by(request);
}

/// Why it cannot be bound; empty: it is.
std::string AdminServer::Impl::bind(const AdminEndpoint& at) {
  if (!at.unix_path.empty()) {
    const auto fd = listen_on_unix_socket(at.unix_path);
    if (!fd) return "listen on " + at.unix_path + ": " + fd.error().message;
    server.adopt(*fd);
    unix_path = at.unix_path;
    return {};
  }
  errno = 0;
  port = at.port;
  const bool is_bound =
      port == 0 ? (port = server.bind_to_any_port(at.host)) > 0 : server.bind_to_port(at.host, at.port);
  if (is_bound) {
    server.keep_more_for_accept();
    return {};
  }
  const std::string why = errno != 0 ? std::generic_category().message(errno) : "no such address";
  return "listen on " + at.host + " port " + std::to_string(at.port) + ": " + why;
}

/// A server that is stopped before it listens would listen for ever.
bool AdminServer::Impl::listens_within(std::chrono::milliseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  std::unique_lock lock(ended_mutex);
  while (!server.is_running() && !ended && std::chrono::steady_clock::now() < end) {
    ended_changed.wait_for(lock, std::chrono::milliseconds(1));
  }
  return server.is_running();
}

AdminServer::AdminServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

AdminServer::~AdminServer() {
  stop();
}

Result<std::unique_ptr<AdminServer>> AdminServer::start(const AdminEndpoint& at, AdminSources sources,
                                                        Metrics& metrics) {
  auto impl = std::make_shared<Impl>(std::move(sources), metrics);
  impl->route();
  if (const std::string why_not = impl->bind(at); !why_not.empty()) {
    return fail(ErrorKind::Reject, "admin: " + why_not);
  }

  impl->thread = std::thread([impl] {
    impl->server.listen_after_bind();
    const std::lock_guard lock(impl->ended_mutex);
    impl->ended = true;
    impl->ended_changed.notify_all();
  });
  std::unique_ptr<AdminServer> out(new AdminServer(impl));
  if (!impl->listens_within(std::chrono::seconds(5))) {
    return fail(ErrorKind::Reject, "admin: the server does not start");
  }
  return out;
}

std::uint16_t AdminServer::port() const {
  return static_cast<std::uint16_t>(impl_->port);
}

std::string AdminServer::answer_to(std::string_view request, const std::string& from) {
  return impl_->server.answer(request, from);
}

void AdminServer::stop() {
  {
    std::unique_lock lock(impl_->answers_mutex);
    const auto last = std::exchange(impl_->answers, nullptr);
    impl_->answer_given.wait(lock, [&last] { return last.use_count() <= 1; });
  }
  if (!impl_->thread.joinable()) return;
  if (!impl_->unix_path.empty()) ::unlink(impl_->unix_path.c_str());
  impl_->server.stop();
  std::unique_lock lock(impl_->ended_mutex);
  const bool has_ended = impl_->ended_changed.wait_for(lock, kStopTimeout, [this] { return impl_->ended; });
  lock.unlock();
  // A client that sends its request byte by byte can hold a thread for longer. It keeps the Impl and gets a 503.
  has_ended ? impl_->thread.join() : impl_->thread.detach();
}

}  // namespace tether
