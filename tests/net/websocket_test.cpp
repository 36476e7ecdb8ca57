#include "tether/net/websocket.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "client.h"
#include "test_server.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;

namespace {

/// A server whose script starts after the upgrade, and a client that is told to open.
struct Pair {
  explicit Pair(TestServer::Script script, std::size_t max_frame_bytes = DialTarget().max_frame_bytes)
      : server([script = std::move(script)](Peer& peer) {
          peer.upgrade();
          script(peer);
        }),
        trust({}),
        client(loop, trust, with_limit(plain(server.port()), max_frame_bytes)) {
    REQUIRE(run_until(loop, [this] { return client.opened == 1; }));
  }

  static DialTarget with_limit(DialTarget target, std::size_t max_frame_bytes) {
    target.max_frame_bytes = max_frame_bytes;
    return target;
  }
  bool until_closed() {
    return run_until(loop, [this] { return client.closed > 0; });
  }
  /// After this the test may read what the script has written down.
  void finish() {
    client.socket.reset();
    server.finish();
  }

  TestServer server;
  Loop loop;
  tls::Trust trust;
  Client client;
};

}  // namespace

TEST_CASE("messages arrive whole, those in the packet of the upgrade included") {
  Pair pair([](Peer& peer) {
    peer.write_frame(kText, "first");
    peer.write_frame(kText, std::string(100'000, 'x'));
    peer.write_frame(kText, "");
    peer.read_frame();
  });

  REQUIRE(run_until(pair.loop, [&] { return pair.client.messages.size() == 3; }));

  CHECK(pair.client.messages[0] == "first");
  CHECK(pair.client.messages[1] == std::string(100'000, 'x'));
  CHECK(pair.client.messages[2].empty());
}

TEST_CASE("what is sent arrives in order, masked, also over TLS") {
  Authority authority;
  std::vector<Frame> frames;
  std::atomic<bool> done = false;
  TestServer server(TestServer::Tls{authority.issue("DNS:localhost"), 0}, [&](Peer& peer) {
    peer.upgrade();
    for (int i = 0; i < 3; ++i) frames.push_back(peer.read_frame().value_or(Frame{}));
    done = true;
  });
  Loop loop;
  tls::Trust trust({.ca_path = authority.ca_file()});
  Client client(loop, trust, secure(server.port()));
  REQUIRE(run_until(loop, [&] { return client.opened == 1; }));

  const std::string large(300'000, 'y');
  client.socket->send_text("one");
  client.socket->send_text(large);
  client.socket->send_ping("token-9");
  REQUIRE(run_until(loop, [&] { return done.load(); }));
  server.finish();

  CHECK(frames[0].opcode == kText);
  CHECK(frames[0].payload == "one");
  CHECK(frames[1].payload == large);
  CHECK(frames[2].opcode == kPing);
  CHECK(frames[2].payload == "token-9");
  for (const Frame& frame : frames) CHECK(frame.masked);
}

TEST_CASE("a ping is answered with its payload and told; a pong is told with its own (R12)") {
  std::optional<Frame> answer;
  Pair pair([&](Peer& peer) {
    peer.write_frame(kPing, "are you there");
    answer = peer.read_frame();
    peer.write_frame(kPong, "token-7");
    peer.read_frame();
  });

  REQUIRE(run_until(pair.loop, [&] { return !pair.client.pongs.empty(); }));
  pair.finish();

  REQUIRE(answer);
  CHECK(answer->opcode == kPong);
  CHECK(answer->payload == "are you there");
  CHECK(pair.client.pings == 1);
  CHECK(pair.client.pongs == std::vector<std::string>{"token-7"});
}

TEST_CASE("a close frame of any code is told at once and answered, whether or not the server then hangs up") {
  const int code = GENERATE(1000, 1001, 1008, 1011, 4000);
  CAPTURE(code);
  std::optional<Frame> answer;
  std::atomic<bool> done = false;
  Pair pair([&](Peer& peer) {
    const std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
    peer.write_frame(kClose, payload + "server shutdown");
    answer = peer.read_frame();
    done = true;
    peer.wait_for_end();
  });

  REQUIRE(pair.until_closed());
  CHECK(pair.client.end->error == SocketError::Closed);
  CHECK(pair.client.end->code == code);
  CHECK(pair.client.end->message == "server shutdown");
  REQUIRE(run_until(pair.loop, [&] { return done.load(); }));
  pair.finish();
  REQUIRE(answer);
  CHECK(answer->opcode == kClose);
  CHECK(pair.client.closed == 1);
}

TEST_CASE("an end without a close frame is 1006: closed or reset") {
  Pair ended([](Peer& /*peer*/) {});
  REQUIRE(ended.until_closed());
  CHECK(ended.client.end->code == 1006);
  CHECK(ended.client.end->error == SocketError::Closed);

  Pair reset([](Peer& peer) { peer.reset(); });
  REQUIRE(reset.until_closed());
  CHECK(reset.client.end->code == 1006);
  CHECK(reset.client.end->error == SocketError::Reset);
}

TEST_CASE("a close of ours is a handshake: the frame goes out, the answer ends it (R13)") {
  std::optional<Frame> frame;
  Pair pair([&](Peer& peer) {
    frame = peer.read_frame();
    peer.write_frame(kText, "too late to matter");
    peer.write_frame(kClose, "\x03\xe8");
    peer.wait_for_end();
  });

  pair.client.socket->close(1000, "shutting down");
  REQUIRE(pair.until_closed());
  pair.finish();

  REQUIRE(frame);
  CHECK(frame->opcode == kClose);
  CHECK(frame->payload == "\x03\xe8shutting down");
  CHECK(pair.client.end->code == 1000);
  CHECK(pair.client.messages.empty());
}

TEST_CASE("a close that is not answered ends at its time limit") {
  Pair pair([](Peer& peer) { peer.wait_for_end(); });
  const TimePoint start = Clock::now();

  pair.client.socket->close(1000, "shutting down");
  REQUIRE(pair.until_closed());

  CHECK(pair.client.end->error == SocketError::Timeout);
  CHECK(Clock::now() - start >= kCloseTimeout);
  CHECK(Clock::now() - start < kCloseTimeout + 6s);
}

TEST_CASE("a message of the largest size is read and one byte more is hung up on") {
  constexpr std::size_t kLimit = 5000;
  const bool in_two_frames = GENERATE(false, true);
  CAPTURE(in_two_frames);
  std::optional<Frame> answer;
  std::atomic<bool> done = false;
  Pair pair(
      [&](Peer& peer) {
        peer.write_frame(kText, std::string(kLimit, 'a'));
        if (in_two_frames) {
          peer.write(std::string("\x01\x7e\x0b\xb8", 4) + std::string(3000, 'b'));  // Not the final one.
          peer.write(std::string("\x80\x7e\x0b\xb8", 4) + std::string(3000, 'b'));
        } else {
          peer.write_frame(kText, std::string(kLimit + 1, 'b'));
        }
        answer = peer.read_frame();
        done = true;
      },
      kLimit);

  REQUIRE(pair.until_closed());

  REQUIRE(pair.client.messages.size() == 1);
  CHECK(pair.client.messages[0].size() == kLimit);
  CHECK(pair.client.end->code == 1009);
  REQUIRE(run_until(pair.loop, [&] { return done.load(); }));
  pair.finish();
  REQUIRE(answer);
  CHECK(answer->opcode == kClose);
}

TEST_CASE("a frame that breaks the protocol ends the connection") {
  const std::string bytes = GENERATE(as<std::string>(), "\x83\x01x",  // An opcode that does not exist.
                                     "\xc1\x01x",                     // A reserved bit without an extension.
                                     "\x81\x02\xff\xfe",              // Text that is not UTF-8.
                                     "\x09\x01x");                    // A control frame in pieces.
  Pair pair([&bytes](Peer& peer) {
    peer.write(bytes);
    peer.wait_for_end();
  });

  REQUIRE(pair.until_closed());

  CHECK(pair.client.end->error == SocketError::Closed);
  CHECK(pair.client.messages.empty());
  CHECK(pair.client.end->code == 1006);
}

TEST_CASE("a server that takes in nothing is cut off at the send buffer's limit") {
  std::atomic<bool> over = false;
  Pair pair([&](Peer& /*peer*/) {
    while (!over) std::this_thread::yield();
  });
  const std::string chunk(1024UL * 1024, 'z');
  std::size_t most = 0;

  for (int i = 0; i < 64 && pair.client.closed == 0; ++i) {
    pair.client.socket->send_text(chunk);
    most = std::max(most, pair.client.socket->buffered_bytes());
    CHECK((pair.client.closed == 0 || i > 0));  // Never inside the call.
    run_for(pair.loop, 1ms);
  }
  REQUIRE(pair.until_closed());
  over = true;

  CHECK(most <= kMaxSendBuffer);
  CHECK(pair.client.end->message.find("too much waits") != std::string::npos);
}

TEST_CASE("a client may be destroyed in any of its callbacks") {
  const std::string when = GENERATE(as<std::string>(), "open", "message", "ping", "pong", "closed");
  CAPTURE(when);
  TestServer server([](Peer& peer) {
    peer.upgrade();
    peer.write_frame(kText, "a");
    peer.write_frame(kPing, "b");
    peer.write_frame(kPong, "c");
    peer.write_frame(kText, "d");
    peer.write_frame(kClose, "\x03\xe8");
    peer.wait_for_end();
  });
  Loop loop;
  tls::Trust trust({});
  std::unique_ptr<WebSocketClient> client;
  int calls_after = 0;
  bool gone = false;
  const auto called = [&](const std::string& what) {
    if (gone) ++calls_after;
    if (what != when) return;
    gone = true;
    client.reset();
  };
  SocketCallbacks callbacks;
  callbacks.on_open = [&] { called("open"); };
  callbacks.on_failed = [&](const DialProblem&) { called("failed"); };
  callbacks.on_message = [&](std::string_view) { called("message"); };
  callbacks.on_ping = [&] { called("ping"); };
  callbacks.on_pong = [&](std::string_view) { called("pong"); };
  callbacks.on_closed = [&](const SocketEnd&) { called("closed"); };

  client = std::make_unique<WebSocketClient>(loop, trust, plain(server.port()), std::move(callbacks));
  REQUIRE(run_until(loop, [&] { return gone; }));
  run_for(loop, 20ms);

  CHECK(calls_after == 0);
}

TEST_CASE("two connections live side by side, as a second one that tests the token does") {
  std::atomic<int> upgraded = 0;
  const auto script = [&](Peer& peer) {
    peer.upgrade();
    ++upgraded;
    peer.write_frame(kText, "hello");
    peer.read_frame();
  };
  TestServer one(script);
  TestServer two(script);
  Loop loop;
  tls::Trust trust({});
  Client first(loop, trust, plain(one.port()));
  Client second(loop, trust, plain(two.port()));

  REQUIRE(run_until(loop, [&] { return first.messages.size() == 1 && second.messages.size() == 1; }));
  second.socket.reset();
  run_for(loop, 20ms);

  CHECK(first.socket->is_open());
  CHECK(first.closed == 0);
}

TEST_CASE("nothing is sent before it is open or after it has ended") {
  Loop loop;
  tls::Trust trust({});
  Client client(loop, trust, plain(unused_port()));
  client.socket->send_text("early");
  client.socket->send_ping("early");
  REQUIRE(run_until(loop, [&] { return client.failure.has_value(); }));

  client.socket->send_text("late");
  client.socket->close(1000, "late");

  CHECK(client.socket->buffered_bytes() == 0);
  CHECK_FALSE(client.socket->is_open());
}
