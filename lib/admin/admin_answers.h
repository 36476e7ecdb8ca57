#pragma once

#include <mutex>
#include <string>

#include "tether/admin/admin_server.h"
#include "tether/admin/http_server.h"

namespace tether {

inline constexpr const char* kText = "text/plain; charset=utf-8";

void answer(httplib::Response& response, int code, const std::string& body, const char* type = kText);

/// What the endpoint tells at each of its paths. Any number of threads.
class AdminAnswers {
 public:
  AdminAnswers(AdminSources sources, Metrics& metrics) : sources_(std::move(sources)), metrics_(metrics) {}

  /// Whether it brings the token, if one is asked for.
  bool is_asked_by(const httplib::Request& request) const;
  /// Takes known secret values out of the body.
  void redact(httplib::Response& response) const;

  void livez(const httplib::Request& request, httplib::Response& response);
  void readyz(const httplib::Request& request, httplib::Response& response);
  void status(const httplib::Request& request, httplib::Response& response);
  void metrics_text(const httplib::Request& request, httplib::Response& response);
  void resources(const httplib::Request& request, httplib::Response& response);
  void events(const httplib::Request& request, httplib::Response& response);
  void release(const std::string& body, httplib::Response& response);
  void accept(const std::string& body, httplib::Response& response);

 private:
  AdminSources sources_;
  std::mutex scraping_;  ///< From the status to the text: no scrape tells half of another one's.
  Metrics& metrics_;
};

}  // namespace tether
