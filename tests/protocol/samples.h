#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <variant>
#include <vector>

#include "tether/protocol/frames.h"

/// Made-up wire data, and short ways to take results apart.
namespace tether::protocol::samples {

inline std::string event(const std::string& type, const std::string& payload) {
  return R"({"type":")" + type + R"(","payload":)" + payload +
         R"(,"timestamp":"2026-03-01T12:00:07+05:30","correlationId":"c-1"})";
}

/// The message of a Reject; fails the test for anything else.
template <class T>
std::string refusal(const Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::Reject);
  return result.error().message;
}

template <class T>
T must(const Result<T>& result) {
  INFO((result ? std::string("read") : result.error().message));
  REQUIRE(result.has_value());
  return *result;
}

template <class T>
T must_be(const Result<Frame>& frame) {
  const Frame read = must(frame);
  REQUIRE(std::holds_alternative<T>(read));
  return std::get<T>(read);
}

template <class T>
T body_of(const std::string& frame) {
  const auto read = must_be<Event>(parse_frame(frame));
  REQUIRE(std::holds_alternative<T>(read.body));
  return std::get<T>(read.body);
}

}  // namespace tether::protocol::samples
