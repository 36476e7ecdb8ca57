#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "../http/raw_server.h"

namespace tether::test {

/// One request as a gateway sees it.
struct SeenRequest {
  std::string method;
  std::string path;
  std::string content_type;
  std::string body;  ///< Without the chunks' sizes.
};

/// A gateway on a Unix socket that gives the answers it is told to.
class ScriptedGateway {
 public:
  using Answer = std::function<std::string(const SeenRequest&)>;  ///< A whole HTTP answer, see http_answer().

  ScriptedGateway(const std::string& socket_path, Answer answer);

  std::vector<SeenRequest> seen() const;

 private:
  void serve(RawConnection& connection);

  Answer answer_;
  mutable std::mutex mutex_;
  std::vector<SeenRequest> seen_;
  RawServer server_;
};

std::string http_answer(int status, const std::string& body);

}  // namespace tether::test
