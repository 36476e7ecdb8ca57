#pragma once

#include <optional>
#include <string>
#include <variant>

#include "tether/http/dial.h"
#include "tether/http/problem.h"
#include "tether/proxy/choice.h"

namespace tether::http {

/// A connected socket to host and port, as dial_tcp() makes it, by way of a proxy if there is one. One that has no
/// way there is Fault::Refused, one that wants credentials or is no proxy Fault::Http.
Dialled dial_through(const std::optional<proxy::Proxy>& proxy, const std::string& host, std::uint16_t port,
                     const DialLimits& limits);

}  // namespace tether::http
