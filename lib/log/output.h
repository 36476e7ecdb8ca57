#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tether {

/// Writes lines to a file descriptor that is not ours to close and never waits for it: the loop thread logs, and a
/// reader that has stopped reading must not stop the loop. Lines of up to PIPE_BUF bytes. One thread at a time.
class Output {
 public:
  explicit Output(int fd);

  /// False: there was no room, and the line is gone.
  bool write(std::string_view line);

 private:
  bool has_room() const;
  /// Bytes taken, 0 if there is no room.
  std::size_t write_some(std::string_view text) const;

  int fd_;
  bool is_socket_;
  std::string rest_;  ///< Of a line that was taken in part.
};

}  // namespace tether
