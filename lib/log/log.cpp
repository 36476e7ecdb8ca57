#include "tether/log/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include "tether/log/line.h"
#include "tether/log/output.h"
#include "tether/log/repeats.h"

namespace tether {

namespace {

/// The time, the braces and the line end around what format_line gives.
constexpr std::size_t kAroundLineBytes = 40;

class FunctionSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FunctionSink(std::function<void(std::string_view)> take) : take_(std::move(take)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    take_(std::string_view(line.data(), line.size()));
  }
  void flush_() override {}

 private:
  std::function<void(std::string_view)> take_;
};

Instant read_wall_clock() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count()};
}

LogOptions with_clocks(LogOptions options) {
  if (!options.wall_clock) options.wall_clock = read_wall_clock;
  if (!options.steady_clock) options.steady_clock = [] { return Clock::now(); };
  return options;
}

constexpr const char* pattern_of(LogFormat format) {
  return format == LogFormat::Json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %v";
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warn:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

}  // namespace

class Logger::Impl {
 public:
  Impl(LogOptions options, const Redactor& redactor)
      : options_(with_clocks(std::move(options))),
        redactor_(redactor),
        output_(options_.output_fd),
        // Its second owner is the spdlog logger, which is made to share its sinks.
        logger_("", std::make_shared<FunctionSink>([this](std::string_view line) { take(line); })),
        repeats_(options_.repeat_window, kMaxRepeatedFaults) {
    logger_.set_level(to_spdlog(options_.level));
    logger_.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern_of(options_.format), spdlog::pattern_time_type::utc, "\n"));
  }

  bool enabled(LogLevel level) const { return logger_.should_log(to_spdlog(level)); }

  void switch_level() {
    const LogLevel other = options_.level == LogLevel::Debug ? LogLevel::Info : LogLevel::Debug;
    const std::lock_guard lock(mutex_);
    level_ = level_ == options_.level ? other : options_.level;
    const std::string line = format(LogLevel::Info, "log.level", {{"to", to_string(level_)}});
    logger_.set_level(to_spdlog(std::min(options_.level, other)));
    write(LogLevel::Info, line);
    logger_.set_level(to_spdlog(level_));
  }

  void log(LogLevel level, std::string_view event, Fields fields) {
    if (!enabled(level)) return;
    const std::string line = format(level, event, fields);
    const std::lock_guard lock(mutex_);
    write(level, line);
  }

  void repeated(LogLevel level, std::string_view event, std::string_view key, Fields fields) {
    if (!enabled(level)) return;
    const std::lock_guard lock(mutex_);
    const auto decision = repeats_.on_fault(level, event, key, options_.steady_clock());
    if (decision.made_room_by) write_count(*decision.made_room_by);
    if (!decision.write) return;
    std::string line = format(level, event, fields);
    if (decision.unwritten > 0) line += format_repeats(decision.unwritten);
    write(level, line);
  }

  void resolved(std::string_view event, std::optional<std::string_view> key) {
    const std::lock_guard lock(mutex_);
    for (const auto& unwritten : repeats_.take(event, key)) write_count(unwritten);
  }

  void flush_repeats() {
    const std::lock_guard lock(mutex_);
    for (const auto& unwritten : repeats_.take_all()) write_count(unwritten);
  }

 private:
  static constexpr std::size_t kMaxRepeatsBytes = 32;  // `,"repeats":` and a number.

  std::string format(LogLevel level, std::string_view event, Fields fields) const {
    return format_line(options_.format, level, event, fields, redactor_,
                       kMaxLineBytes - kAroundLineBytes - kMaxRepeatsBytes);
  }

  std::string format_repeats(std::uint64_t count) const {
    return (options_.format == LogFormat::Json ? ",\"repeats\":" : " repeats=") + std::to_string(count);
  }

  void write_count(const Repeats::Unwritten& unwritten) {
    write(unwritten.level,
          format(unwritten.level, unwritten.event, {{"key", unwritten.key}}) + format_repeats(unwritten.count));
  }

  void write(LogLevel level, const std::string& line) {
    if (dropped_ > 0) {
      const std::uint64_t told = dropped_;
      emit(LogLevel::Warn, format(LogLevel::Warn, "log.dropped", {{"lines", told}}));
      dropped_ = dropped_ == told ? 0 : told;  // The notice itself does not count as lost.
    }
    emit(level, line);
  }

  void emit(LogLevel level, const std::string& line) {
    const spdlog::log_clock::time_point at{
        std::chrono::duration_cast<spdlog::log_clock::duration>(std::chrono::nanoseconds(options_.wall_clock().ns))};
    logger_.log(at, spdlog::source_loc{}, to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  }

  void take(std::string_view line) {
    if (options_.sink) {
      options_.sink(line);
    } else if (!output_.write(line)) {
      ++dropped_;
    }
  }

  const LogOptions options_;
  const Redactor& redactor_;
  std::mutex mutex_;  ///< Of all below.
  LogLevel level_ = options_.level;
  Output output_;
  spdlog::logger logger_;
  Repeats repeats_;
  std::uint64_t dropped_ = 0;  ///< Lines that found no room and are not told of yet.
};

Logger::Logger(LogOptions options, const Redactor& redactor)
    : impl_(std::make_unique<Impl>(std::move(options), redactor)) {}
Logger::~Logger() = default;

void Logger::debug(std::string_view event, Fields fields) {
  impl_->log(LogLevel::Debug, event, fields);
}
void Logger::info(std::string_view event, Fields fields) {
  impl_->log(LogLevel::Info, event, fields);
}
void Logger::warn(std::string_view event, Fields fields) {
  impl_->log(LogLevel::Warn, event, fields);
}
void Logger::error(std::string_view event, Fields fields) {
  impl_->log(LogLevel::Error, event, fields);
}
void Logger::log(LogLevel level, std::string_view event, Fields fields) {
  impl_->log(level, event, fields);
}
void Logger::repeated(LogLevel level, std::string_view event, std::string_view key, Fields fields) {
  impl_->repeated(level, event, key, fields);
}
void Logger::resolved(std::string_view event, std::optional<std::string_view> key) {
  impl_->resolved(event, key);
}
void Logger::flush_repeats() {
  impl_->flush_repeats();
}
void Logger::switch_level() {
  impl_->switch_level();
}
bool Logger::enabled(LogLevel level) const {
  return impl_->enabled(level);
}

}  // namespace tether
