#include "limits.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "tether/base/time.h"

namespace tether::bench {
namespace {

constexpr std::size_t kFrameBytes = 600;
constexpr std::size_t kPieceBytes = 64 * 1024;

struct Ends {
  int near = -1;
  int far = -1;
};

void hang_up(const Ends& ends) {
  ::shutdown(ends.near, SHUT_RDWR);
  ::close(ends.near);
}

Result<Ends> unix_ends() {
  std::array<int, 2> both{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.data()) != 0) {
    return fail(ErrorKind::Retry, "no pair of Unix sockets");
  }
  return Ends{both[0], both[1]};
}

Result<Ends> tcp_ends() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  Ends ends{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), -1};
  const bool listening = ::bind(listener, generic, size) == 0 && ::listen(listener, 1) == 0 &&
                         ::getsockname(listener, generic, &size) == 0;
  if (listening && ::connect(ends.near, generic, size) == 0) ends.far = ::accept(listener, nullptr, nullptr);
  ::close(listener);
  if (ends.far < 0) return fail(ErrorKind::Retry, "no connection over loopback");
  const int on = 1;
  for (const int end : {ends.near, ends.far}) ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return ends;
}

bool read_all(int end, std::size_t bytes) {
  std::vector<char> buffer(bytes);
  for (std::size_t got = 0; got < bytes;) {
    const auto more = ::read(end, buffer.data(), bytes - got);
    if (more <= 0) return false;
    got += static_cast<std::size_t>(more);
  }
  return true;
}

bool write_all(int end, std::size_t bytes) {
  const std::vector<char> buffer(bytes, 'x');
  for (std::size_t put = 0; put < bytes;) {
    const auto more = ::write(end, buffer.data(), bytes - put);
    if (more <= 0) return false;
    put += static_cast<std::size_t>(more);
  }
  return true;
}

Percentiles round_trips(const Ends& ends, std::size_t times) {
  std::thread echo([far = ends.far] {
    while (read_all(far, kFrameBytes) && write_all(far, kFrameBytes)) {
    }
    ::close(far);
  });
  std::vector<std::chrono::nanoseconds> taken;
  for (std::size_t i = 0; i < times; ++i) {
    const TimePoint began = Clock::now();
    write_all(ends.near, kFrameBytes);
    read_all(ends.near, kFrameBytes);
    taken.push_back(Clock::now() - began);
  }
  hang_up(ends);
  echo.join();
  return percentiles_of(std::move(taken));
}

/// A database as the daemon's, with one table.
class Database {
 public:
  explicit Database(const std::string& file) {
    ok_ = sqlite3_open(file.c_str(), &handle_) == SQLITE_OK;
    run("PRAGMA journal_mode = WAL");
    run("PRAGMA synchronous = FULL");
    run("CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID");
  }
  ~Database() { sqlite3_close_v2(handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void run(const char* sql) { ok_ = ok_ && sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK; }

  void upsert(std::size_t row) {
    sqlite3_stmt* statement = nullptr;
    const char* sql = "INSERT INTO keys VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data";
    const std::string id = "key-" + std::to_string(row);
    const std::string data(kFrameBytes, 'x');
    ok_ = ok_ && sqlite3_prepare_v2(handle_, sql, -1, &statement, nullptr) == SQLITE_OK;
    sqlite3_bind_text(statement, 1, id.c_str(), -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 2, data.c_str(), -1, SQLITE_TRANSIENT);
    ok_ = ok_ && sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
  }

  Result<Done> outcome() const {
    if (ok_) return Done{};
    return fail(ErrorKind::Retry, std::string("SQLite: ") + sqlite3_errmsg(handle_));
  }

 private:
  sqlite3* handle_ = nullptr;
  bool ok_ = false;
};

/// The rows of one database, put into another one with the same tables and indexes.
class Copy {
 public:
  Copy(const std::string& source, const std::string& target) {
    ok_ = sqlite3_open_v2(source.c_str(), &from_, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
          sqlite3_open(target.c_str(), &to_) == SQLITE_OK;
    run("PRAGMA journal_mode = WAL");
    run("PRAGMA synchronous = FULL");
    sqlite3_stmt* made = prepare(from_,
                                 "SELECT sql, type = 'table', name FROM sqlite_master WHERE sql IS NOT NULL AND name "
                                 "NOT LIKE 'sqlite_%' ORDER BY type = 'table' DESC");
    while (ok_ && sqlite3_step(made) == SQLITE_ROW) {
      run(text(made, 0));
      if (sqlite3_column_int(made, 1) != 0) tables_.emplace_back(text(made, 2));
    }
    sqlite3_finalize(made);
  }
  ~Copy() {
    sqlite3_close_v2(from_);
    sqlite3_close_v2(to_);
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  std::size_t upsert_all(std::size_t in_transaction) {
    std::size_t rows = 0;
    run("BEGIN");
    for (const auto& table : tables_) {
      sqlite3_stmt* all = prepare(from_, "SELECT * FROM " + table);
      const int columns = sqlite3_column_count(all);
      std::string places = "?";
      for (int i = 1; i < columns; ++i) places += ", ?";
      sqlite3_stmt* upsert = prepare(to_, "INSERT OR REPLACE INTO " + table + " VALUES (" + places + ")");
      while (ok_ && sqlite3_step(all) == SQLITE_ROW) {
        for (int i = 0; i < columns; ++i) sqlite3_bind_value(upsert, i + 1, sqlite3_column_value(all, i));
        ok_ = sqlite3_step(upsert) == SQLITE_DONE;
        sqlite3_reset(upsert);
        if (++rows % in_transaction != 0) continue;
        run("COMMIT");
        run("BEGIN");
      }
      sqlite3_finalize(upsert);
      sqlite3_finalize(all);
    }
    run("COMMIT");
    return rows;
  }

  Result<Done> outcome() const {
    if (ok_) return Done{};
    return fail(ErrorKind::Retry, std::string("SQLite: ") + sqlite3_errmsg(to_));
  }

 private:
  static std::string text(sqlite3_stmt* row, int column) {
    const auto* bytes = sqlite3_column_text(row, column);
    return bytes == nullptr ? "" : reinterpret_cast<const char*>(bytes);
  }
  void run(const std::string& sql) {
    ok_ = ok_ && sqlite3_exec(to_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  sqlite3_stmt* prepare(sqlite3* database, const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    ok_ = ok_ && sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK;
    return statement;
  }

  sqlite3* from_ = nullptr;
  sqlite3* to_ = nullptr;
  bool ok_ = false;
  std::vector<std::string> tables_;
};

}  // namespace

Result<Percentiles> measure_hop(std::size_t times) {
  const auto ends = tcp_ends();
  if (!ends) return tl::unexpected<Error>(ends.error());
  Percentiles there_and_back = round_trips(*ends, times);
  return Percentiles{there_and_back.p50 / 2, there_and_back.p99 / 2, there_and_back.worst / 2};
}

Result<Percentiles> measure_round_trip(std::size_t times) {
  const auto ends = unix_ends();
  if (!ends) return tl::unexpected<Error>(ends.error());
  return round_trips(*ends, times);
}

Result<Percentiles> measure_transaction(const std::string& folder, std::size_t times) {
  Database database(folder + "/transactions.db");
  std::vector<std::chrono::nanoseconds> taken;
  for (std::size_t i = 0; i < times; ++i) {
    const TimePoint began = Clock::now();
    database.upsert(i);
    taken.push_back(Clock::now() - began);
  }
  if (auto done = database.outcome(); !done) return tl::unexpected<Error>(done.error());
  return percentiles_of(std::move(taken));
}

Result<Upserts> measure_upserts_of(const std::string& source, const std::string& target, std::size_t in_transaction) {
  Copy copy(source, target);
  const TimePoint began = Clock::now();
  const std::size_t rows = copy.upsert_all(in_transaction);
  const std::chrono::duration<double> took = Clock::now() - began;
  if (auto done = copy.outcome(); !done) return tl::unexpected<Error>(done.error());
  return Upserts{rows, took.count()};
}

Result<std::chrono::nanoseconds> measure_transfer(std::uint64_t bytes) {
  const auto ends = unix_ends();
  if (!ends) return tl::unexpected<Error>(ends.error());
  const std::size_t pieces = bytes / kPieceBytes + 1;
  const TimePoint began = Clock::now();
  std::thread reader([far = ends->far, pieces] {
    for (std::size_t i = 0; i < pieces && read_all(far, kPieceBytes); ++i) {
    }
    write_all(far, 1);
    ::close(far);
  });
  for (std::size_t i = 0; i < pieces; ++i) write_all(ends->near, kPieceBytes);
  read_all(ends->near, 1);
  const std::chrono::nanoseconds took = Clock::now() - began;
  reader.join();
  hang_up(*ends);
  return took;
}

}  // namespace tether::bench
