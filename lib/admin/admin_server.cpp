#include "tether/admin/admin_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "tether/admin/http_server.h"
#include "tether/admin/unix_socket.h"
#include "tether/base/constant_time.h"

namespace tether {

namespace {

constexpr std::chrono::milliseconds kStopTimeout{900};
constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kJson = "application/json";

Instant read_wall_clock() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count()};
}

void answer(httplib::Response& response, int code, const std::string& body, const char* type = kText) {
  response.status = code;
  response.set_content(body, type);
}

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

bool brings(const httplib::Request& request, const Secret& token) {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string given = request.get_header_value("Authorization");
  return given.starts_with(kScheme) &&
         is_equal_in_constant_time(std::string_view(given).substr(kScheme.size()), token.reveal());
}

void explain_error(const httplib::Request& /*request*/, httplib::Response& response) {
  if (!response.body.empty()) return;
  response.set_content(response.status == 404 ? "try /livez, /readyz, /status, /metrics, /resources or /events\n"
                                              : "cannot answer that\n",
                       kText);
}

}  // namespace

struct AdminServer::Impl {
  Impl(AdminSources used_sources, Metrics& used_metrics) : sources(std::move(used_sources)), metrics(&used_metrics) {}

  HttpServer server{kMaxConsentBytes};
  int port = 0;
  std::string unix_path;  ///< Of the socket that we have made; empty: none.
  std::thread thread;

  std::mutex sources_mutex;  ///< Of the next two; held while they are used, so that stop() can wait for that.
  AdminSources sources;
  Metrics* metrics;  ///< nullptr once stopped.

  std::mutex ended_mutex;
  std::condition_variable ended_changed;
  bool ended = false;  ///< The serving thread has left the server.

  void route();
  std::string bind(const AdminEndpoint& at);
  bool may_ask(const httplib::Request& request);
  void get(const char* path, void (Impl::*handler)(const httplib::Request&, httplib::Response&));
  void command(const char* name, void (Impl::*handler)(const std::string& body, httplib::Response&));
  void resources(const httplib::Request& request, httplib::Response& response);
  void events(const httplib::Request& request, httplib::Response& response);
  void release(const std::string& body, httplib::Response& response);
  void accept(const std::string& body, httplib::Response& response);
  bool listens_within(std::chrono::milliseconds time);

  void livez(const httplib::Request& /*request*/, httplib::Response& response) {
    sources.is_alive() ? answer(response, 200, "ok\n") : answer(response, 503, "the loop does not turn\n");
  }
  void readyz(const httplib::Request& /*request*/, httplib::Response& response) {
    const Status status = sources.status();
    if (const auto why_not = why_not_ready(status)) return answer(response, 503, *why_not + "\n");
    const auto stale = why_stale(status, Clock::now());
    answer(response, 200, stale ? "ok, but stale: " + *stale + "\n" : "ok\n");
  }
  void status(const httplib::Request& /*request*/, httplib::Response& response) {
    answer(response, 200, to_json(sources.status(), Clock::now()), kJson);
  }
  void metrics_text(const httplib::Request& /*request*/, httplib::Response& response) {
    metrics->set_status(sources.status(), Clock::now(), read_wall_clock());
    answer(response, 200, metrics->text(), kMetricsText);
  }
};

void AdminServer::Impl::get(const char* path, void (Impl::*handler)(const httplib::Request&, httplib::Response&)) {
  server.Get(path, [this, handler](const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard lock(sources_mutex);
    if (metrics == nullptr) return answer(response, 503, "stopping\n");
    (this->*handler)(request, response);
    if (sources.redact) response.body = sources.redact(response.body);
  });
}

void AdminServer::Impl::command(const char* name, void (Impl::*handler)(const std::string& body, httplib::Response&)) {
  server.Post("/" + std::string(name), [this, handler](const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard lock(sources_mutex);
    if (metrics == nullptr) return answer(response, 503, "stopping\n");
    (this->*handler)(request.body, response);
  });
}

void AdminServer::Impl::resources(const httplib::Request& request, httplib::Response& response) {
  if (!sources.resources) return answer(response, 503, "stopping\n");
  const auto asked = [&request](const char* name) { return request.get_param_value(name); };
  const auto body = sources.resources({asked("name"), asked("kind"), asked("state"), asked("after")});
  if (body) return answer(response, 200, *body, kJson);
  answer(response, body.error().kind == ErrorKind::Reject ? 400 : 503, body.error().message + "\n");
}

void AdminServer::Impl::events(const httplib::Request& request, httplib::Response& response) {
  if (!sources.events) return answer(response, 503, "stopping\n");
  const std::string text = request.has_param("after") ? request.get_param_value("after") : "0";
  std::uint64_t after = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, after);
  if (read.ec != std::errc() || read.ptr != end) return answer(response, 400, "`after` is a number\n");
  answer(response, 200, sources.events(after), kJson);
}

void AdminServer::Impl::release(const std::string& body, httplib::Response& response) {
  if (!sources.release) return answer(response, 503, "stopping\n");
  const auto agreed = read_release(body);
  if (!agreed) return answer(response, 400, agreed.error().message + "\n");
  if (const auto why_not = why_not_release(sources.status(), *agreed)) return answer(response, 409, *why_not + "\n");
  sources.release(*agreed);
  answer(response, 202, "asked\n");
}

void AdminServer::Impl::accept(const std::string& body, httplib::Response& response) {
  if (!sources.accept) return answer(response, 503, "stopping\n");
  const auto agreed = read_acceptance(body);
  if (!agreed) return answer(response, 400, agreed.error().message + "\n");
  if (const auto why_not = why_not_accept(sources.status(), *agreed)) return answer(response, 409, *why_not + "\n");
  sources.accept(*agreed);
  answer(response, 202, "accepted\n");
}

void AdminServer::Impl::route() {
  server.set_socket_options(set_socket_options);
  server.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
    if (may_ask(request)) {
      return refuse_other_methods(request, response, unix_path.empty() ? Socket::Tcp : Socket::Unix);
    }
    response.set_header("WWW-Authenticate", "Bearer");
    answer(response, 401,
           "a token is wanted, as Authorization: Bearer: that of admin.token_file (TETHER_ADMIN_TOKEN_FILE)\n");
    return httplib::Server::HandlerResponse::Handled;
  });
  server.set_error_handler(explain_error);
  get("/livez", &Impl::livez);
  get("/readyz", &Impl::readyz);
  get("/status", &Impl::status);
  get("/metrics", &Impl::metrics_text);
  get("/resources", &Impl::resources);
  get("/events", &Impl::events);
  command(kReleaseCommand, &Impl::release);
  command(kAcceptCommand, &Impl::accept);
}

bool AdminServer::Impl::may_ask(const httplib::Request& request) {
  if (needs_no_token(request.path)) return true;
  const std::lock_guard lock(sources_mutex);
  if (!sources.token) return true;
  const auto token = sources.token();
  return token && brings(request, *token);
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
    const std::lock_guard lock(impl_->sources_mutex);
    impl_->sources = {};
    impl_->metrics = nullptr;
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
