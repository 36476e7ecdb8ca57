#include "tether/log/output.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tether/log/log.h"

namespace tether {

namespace {

/// Two connected descriptors: what is written to `in` is read from `out`.
class Channel {
 public:
  explicit Channel(bool as_socket) {
    const int made = as_socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()) : ::pipe(ends_.data());
    REQUIRE(made == 0);
    if (!as_socket) std::swap(ends_[0], ends_[1]);
    REQUIRE(::fcntl(out(), F_SETFL, O_NONBLOCK) == 0);
  }
  ~Channel() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int in() const { return ends_[0]; }
  int out() const { return ends_[1]; }

  std::string drain() const {
    std::string all;
    std::array<char, 4096> room{};
    for (ssize_t got = 0; (got = ::read(out(), room.data(), room.size())) > 0;) {
      all.append(room.data(), static_cast<std::size_t>(got));
    }
    return all;
  }

 private:
  std::array<int, 2> ends_{};
};

}  // namespace

TEST_CASE("a reader that does not read is not waited for, and gets whole lines") {
  const bool as_socket = GENERATE(false, true);
  CAPTURE(as_socket);
  const Channel channel(as_socket);
  Output output(channel.in());
  const std::string line = std::string(999, 'x') + "\n";

  std::size_t written = 0;
  while (output.write(line)) ++written;  // Returns, which is the point.

  CHECK(written > 10);
  std::string all = channel.drain();
  CHECK(output.write("last\n"));
  all += channel.drain();
  CHECK(all.size() == written * line.size() + 5);
  CHECK(all.ends_with("x\nlast\n"));
}

TEST_CASE("lines that found no room are counted in the log once there is room") {
  const Channel channel(/*as_socket=*/false);
  LogOptions options;
  options.output_fd = channel.in();
  const Redactor redactor;
  Logger log(options, redactor);
  const std::string filler(1000, 'x');

  const std::uint64_t logged = 200;
  for (std::uint64_t i = 0; i < logged; ++i) log.info("filler", {{"text", filler}});
  std::string all = channel.drain();
  log.info("after");
  all += channel.drain();

  std::istringstream lines(all);
  std::uint64_t arrived = 0;
  std::uint64_t told = 0;
  std::string last;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    last = json["event"];
    if (last == "filler") ++arrived;
    if (last == "log.dropped") told = json["lines"];
  }
  CHECK(arrived > 0);
  CHECK(told > 0);
  CHECK(arrived + told == logged);
  CHECK(last == "after");
}

TEST_CASE("a closed output loses lines and nothing else") {
  Output output(-1);

  CHECK_FALSE(output.write("x\n"));
}

}  // namespace tether
