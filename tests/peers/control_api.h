#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tether/base/result.h"
#include "tether/peers/control_plane.h"
#include "tether/peers/gateway.h"

namespace httplib {
class Server;
}

namespace tether::peers {

/// A plain HTTP port for people and scripts that steers one of the stand-ins. The calls are in README.md.
class ControlApi {
 public:
  /// `address` is HOST:PORT; port 0 takes any. Retry: the address is taken. The peer outlives this. `after_change` is
  /// called before each POST is answered, on a thread of the server.
  static Result<std::unique_ptr<ControlApi>> start(const std::string& address, ControlPlane& control_plane,
                                                   std::function<void()> after_change = {});
  static Result<std::unique_ptr<ControlApi>> start(const std::string& address, Gateway& gateway);
  ~ControlApi();
  ControlApi(const ControlApi&) = delete;
  ControlApi& operator=(const ControlApi&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  /// Answers one call; throws nlohmann::json::exception for a body that lacks something.
  using Call = std::function<Result<nlohmann::json>(const nlohmann::json& body)>;

  ControlApi();
  Result<Done> listen(const std::string& address);
  void get(const std::string& path, Call call);
  void post(const std::string& path, Call call);
  void add_artifact_calls(ControlPlane& control_plane);
  void add_entity_calls(ControlPlane& control_plane);
  void add_process_calls(ControlPlane& control_plane);

  std::uint16_t port_ = 0;
  std::unique_ptr<httplib::Server> server_;
  std::function<void()> after_change_;
  std::thread thread_;
};

}  // namespace tether::peers
