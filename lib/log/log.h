#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "tether/base/time.h"
#include "tether/log/redactor.h"

namespace tether {

enum class LogLevel { Debug, Info, Warn, Error };
enum class LogFormat { Json, Text };
std::string_view to_string(LogLevel level);  ///< `debug`, `info`, `warn`, `error`

/// One key and value of a log line. It borrows its texts: make it in the call that logs it, and keep it nowhere.
struct LogField {
  using Value = std::variant<std::string_view, bool, std::int64_t, std::uint64_t, double>;

  template <class T>
  LogField(std::string_view name, const T& v) : key(name), value(to_value(v)) {}

  std::string_view key;
  Value value;

 private:
  template <class T>
  static Value to_value(const T& v) {
    if constexpr (std::same_as<T, bool>) {
      return v;
    } else if constexpr (std::signed_integral<T>) {
      return static_cast<std::int64_t>(v);
    } else if constexpr (std::unsigned_integral<T>) {
      return static_cast<std::uint64_t>(v);
    } else if constexpr (std::floating_point<T>) {
      return static_cast<double>(v);
    } else {
      return std::string_view(v);
    }
  }
};

struct LogOptions {
  LogLevel level = LogLevel::Info;
  LogFormat format = LogFormat::Json;
  /// How long a repeated fault is only counted after it was written.
  Duration repeat_window = 1h;
  /// Takes each finished line, line end included. Unset: `output_fd`.
  std::function<void(std::string_view line)> sink;
  /// Where lines go without a sink: standard output. It is never waited for: a line that finds a full pipe or socket is
  /// dropped and counted, and `log.dropped` says so once there is room. The process ignores SIGPIPE.
  int output_fd = 1;
  /// Unset: the machine's clocks. Tests move their own.
  std::function<Instant()> wall_clock;
  std::function<TimePoint()> steady_clock;
};

/// Writes one line per call: an event's name (`link.connected`) and fields.
///
/// Json: `{"time":"2026-08-22T11:02:03.417Z","level":"info","event":"link.connected","gateway_id":"…"}`; text:
/// `2026-08-22T11:02:03.417Z info  link.connected gateway_id=…`. Values known to the redactor are replaced, bytes that
/// are not UTF-8 become U+FFFD, control characters are escaped, a text over kMaxValueBytes is cut, and what makes a
/// line longer than kMaxLineBytes is left out (the line then says `"cut":true`). Any thread; never throws.
class Logger {
 public:
  using Fields = std::initializer_list<LogField>;
  static constexpr std::size_t kMaxValueBytes = 1024;
  static constexpr std::size_t kMaxLineBytes = 4096;  ///< A pipe takes this much whole or not at all (PIPE_BUF).
  static constexpr std::size_t kMaxRepeatedFaults = 256;

  /// The redactor outlives the logger.
  Logger(LogOptions options, const Redactor& redactor);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  void debug(std::string_view event, Fields fields = {});
  void info(std::string_view event, Fields fields = {});
  void warn(std::string_view event, Fields fields = {});  ///< Asks the operator to act.
  void error(std::string_view event, Fields fields = {});
  void log(LogLevel level, std::string_view event, Fields fields = {});

  /// A fault that comes again and again. The same (event, key) is written the first time; within the window after that
  /// it is only counted; the next one after the window is written with `repeats`, the number that was not. `key` is
  /// what makes two faults the same, a reason or an address, and need not be among the fields.
  void repeated(LogLevel level, std::string_view event, std::string_view key, Fields fields = {});

  /// The fault is over: writes how often it was left unwritten (`repeats`), if ever, and forgets it. Without a key: all
  /// faults of that event.
  void resolved(std::string_view event, std::optional<std::string_view> key = std::nullopt);

  /// Writes the counts that are still unwritten; call it before the end of the process.
  void flush_repeats();

  bool enabled(LogLevel level) const;

  /// Between the level of the options and debug, or between debug and info where that is debug. Says so in a line that
  /// the more talkative of the two lets through. What was only counted stays counted.
  void switch_level();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether
