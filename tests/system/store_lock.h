#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

namespace tether::test {

/// Takes the store's write lock away from a running daemon for as long as this is there: none of its transactions
/// commits, and all that is stored can be read. Documented: https://www.sqlite.org/walformat.html, section 2.3.3.
class StoreLock {
 public:
  explicit StoreLock(const std::string& state_dir)
      : shared_memory_(::open((state_dir + "/tetherd.db-shm").c_str(), O_RDWR | O_CLOEXEC)) {
    constexpr off_t kWriteLockByte = 120;
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = kWriteLockByte;
    lock.l_len = 1;
    REQUIRE(::fcntl(shared_memory_, F_OFD_SETLKW, &lock) == 0);
  }
  ~StoreLock() { ::close(shared_memory_); }
  StoreLock(const StoreLock&) = delete;
  StoreLock& operator=(const StoreLock&) = delete;

 private:
  int shared_memory_;
};

}  // namespace tether::test
