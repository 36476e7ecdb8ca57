#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tether::peers {

/// A stand-in for an HTTP proxy that is asked to CONNECT, on a free port of 127.0.0.1, with a knob for each unpleasant
/// answer. Any thread.
class Proxy {
 public:
  enum class Mood {
    Obliging,
    Refusing,   ///< 502.
    Silent,     ///< Reads the request and says nothing.
    Babbling,   ///< Answers what is no HTTP.
    HangingUp,  ///< Closes instead of answering.
  };

  Proxy();
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  void set_mood(Mood mood) { mood_ = mood; }
  /// From now on it answers 407 to who does not bring this as `Proxy-Authorization`. Empty: it asks for nothing.
  void want(const std::string& authorization);
  /// The heads of all requests.
  std::vector<std::string> requests() const;
  /// The tunnels that were opened.
  int tunnels() const { return tunnels_; }

 private:
  void accept_loop();
  void serve(int fd);
  std::string answer_to(const std::string& head);
  void carry(int client, int server) const;

  int listener_;
  int stop_;  ///< An eventfd: readable once it goes.
  std::uint16_t port_ = 0;
  std::atomic<Mood> mood_ = Mood::Obliging;
  std::atomic<int> tunnels_ = 0;
  mutable std::mutex mutex_;
  std::string wanted_;
  std::vector<std::string> requests_;
  std::vector<std::thread> serving_;
  std::thread thread_;
};

}  // namespace tether::peers
