#include <utility>

#include "tether/protocol/json.h"
#include "tether/protocol/rest.h"

namespace tether::protocol {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

tl::unexpected<Error> not_such_a_body(std::string_view what) {
  return fail(ErrorKind::Reject, "listing: " + std::string(what));
}

}  // namespace

ArrayScanner::ArrayScanner(std::string member, OnElement on_element, std::size_t max_bytes)
    : member_(std::move(member)), on_element_(std::move(on_element)), max_bytes_(max_bytes) {}

Result<Done> ArrayScanner::feed(std::string_view chunk) {
  if (failure_) return tl::unexpected<Error>(*failure_);
  for (const char c : chunk) {
    Result<Done> taken = ++total_bytes_ > max_bytes_
                             ? not_such_a_body("over limits.max_listing_bytes (" + std::to_string(max_bytes_) + ")")
                             : take(c);
    if (!taken) {
      failure_ = taken.error();
      return taken;
    }
  }
  return Done{};
}

Result<Done> ArrayScanner::finish() const {
  if (failure_) return tl::unexpected<Error>(*failure_);
  if (state_ != State::AfterBody) return fail(ErrorKind::Retry, "listing: cut short");
  return Done{};
}

Result<Done> ArrayScanner::take(char c) {
  if (state_ == State::InName) return pass_name(c);
  if (state_ == State::InElement) return go_on_in_element(c);
  if (state_ == State::InOtherMember) {
    const auto passage = pass_value(c);
    if (!passage) return tl::unexpected<Error>(passage.error());
    if (*passage == Passage::Inside) return Done{};
    state_ = State::AfterMember;
    return *passage == Passage::LastOne ? Result<Done>(Done{}) : take(c);
  }
  if (is_space(c)) return Done{};
  switch (state_) {
    case State::BeforeBody:
      if (c != (member_.empty() ? '[' : '{')) return not_such_a_body("the body is of another type");
      outer_depth_ = 1;
      state_ = member_.empty() ? State::BeforeFirstElement : State::BeforeFirstName;
      return Done{};
    case State::BeforeFirstName:
      if (c == '}') return end_object();
      [[fallthrough]];
    case State::BeforeName:
      if (c != '"') return not_such_a_body("not JSON");
      name_ = c;
      state_ = State::InName;
      return Done{};
    case State::BeforeColon:
      if (c != ':') return not_such_a_body("not JSON");
      state_ = State::BeforeMember;
      return Done{};
    case State::BeforeMember:
      return begin_member(c);
    case State::AfterMember:
      if (c == '}') return end_object();
      if (c != ',') return not_such_a_body("not JSON");
      state_ = State::BeforeName;
      return Done{};
    case State::BeforeFirstElement:
      if (c == ']') break;
      [[fallthrough]];
    case State::BeforeElement:
      return begin_element(c);
    case State::AfterElement:
      if (c == ']') break;
      if (c != ',') return not_such_a_body("not JSON");
      state_ = State::BeforeElement;
      return Done{};
    default:
      return not_such_a_body("something comes after its end");
  }
  // The end of the array.
  --outer_depth_;
  state_ = member_.empty() ? State::AfterBody : State::AfterMember;
  return Done{};
}

Result<Done> ArrayScanner::pass_name(char c) {
  name_ += c;
  if (name_.size() > kMaxMemberNameBytes) return not_such_a_body("a member's name is too long");
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    state_ = State::BeforeColon;
  }
  return Done{};
}

Result<Done> ArrayScanner::begin_member(char c) {
  const bool wanted = json::Value{json::Type::String, name_}.decoded() == member_;
  if (!wanted) {
    state_ = State::InOtherMember;
    const auto passage = begin_value(c);
    if (!passage) return tl::unexpected<Error>(passage.error());
    return Done{};
  }
  if (c != '[') return not_such_a_body("member " + member_ + " is not an array");
  if (found_) return not_such_a_body("member " + member_ + " comes twice");
  found_ = true;
  outer_depth_ = 2;
  state_ = State::BeforeFirstElement;
  return Done{};
}

Result<Done> ArrayScanner::end_object() {
  if (!found_) return not_such_a_body("member " + member_ + " is missing");
  state_ = State::AfterBody;
  return Done{};
}

Result<Done> ArrayScanner::begin_element(char c) {
  element_ = c;
  state_ = State::InElement;
  const auto passage = begin_value(c);
  if (!passage) return tl::unexpected<Error>(passage.error());
  return Done{};
}

Result<Done> ArrayScanner::go_on_in_element(char c) {
  const auto passage = pass_value(c);
  if (!passage) return tl::unexpected<Error>(passage.error());
  if (*passage == Passage::After) {
    auto ended = end_element();
    if (!ended) return ended;
    return take(c);
  }
  if (element_.size() == kMaxRowBytes) {
    return not_such_a_body("an element is over " + std::to_string(kMaxRowBytes) + " bytes");
  }
  element_ += c;
  return *passage == Passage::LastOne ? end_element() : Result<Done>(Done{});
}

Result<Done> ArrayScanner::end_element() {
  state_ = State::AfterElement;
  return on_element_(element_);
}

Result<ArrayScanner::Passage> ArrayScanner::begin_value(char c) {
  depth_ = 0;
  in_string_ = false;
  escaped_ = false;
  if (c == ',' || c == ']' || c == '}' || c == ':') return not_such_a_body("not JSON");
  return pass_value(c);
}

Result<ArrayScanner::Passage> ArrayScanner::pass_value(char c) {
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      if (depth_ == 0) return Passage::LastOne;
    }
    return Passage::Inside;
  }
  switch (c) {
    case '"':
      in_string_ = true;
      return Passage::Inside;
    case '[':
    case '{':
      if (outer_depth_ + ++depth_ > kMaxListingDepth) {
        return not_such_a_body("nested deeper than " + std::to_string(kMaxListingDepth));
      }
      return Passage::Inside;
    case ']':
    case '}':
      if (depth_ == 0) return Passage::After;
      return --depth_ == 0 ? Passage::LastOne : Passage::Inside;
    default:
      // A number or a word has no end of its own.
      return depth_ == 0 && (c == ',' || is_space(c)) ? Passage::After : Passage::Inside;
  }
}

}  // namespace tether::protocol
