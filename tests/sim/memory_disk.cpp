#include "memory_disk.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <optional>
#include <vector>

#include "tether/base/check.h"

/// https://www.sqlite.org/c3ref/io_methods.html and https://www.sqlite.org/lockingv3.html say what each call is to do.
namespace tether::sim {

/// SQLite's memory beside a write-ahead log, and its locks there.
struct MemoryDisk::Shared {
  std::vector<std::unique_ptr<std::vector<char>>> regions;
  std::array<int, SQLITE_SHM_NLOCK> locks{};  ///< How many share it; -1: one has it alone.
};

struct MemoryDisk::File {
  explicit File(std::uint64_t name) : number(name) {}

  struct Change {
    std::size_t at = 0;
    std::string bytes;
    bool truncates = false;  ///< To `at`.

    void apply(std::string& content) const {
      if (truncates) return content.resize(at);
      if (content.size() < at + bytes.size()) content.resize(at + bytes.size());
      content.replace(at, bytes.size(), bytes);
    }
  };
  void change(Change change) {
    change.apply(written);
    unsynced.push_back(std::move(change));
  }

  const std::uint64_t number;  ///< No other file of its disk had it.
  std::string written;
  std::string synced;
  std::vector<Change> unsynced;
  int readers = 0;                 ///< Holders of a lock of any level.
  const Handle* writer = nullptr;  ///< Holds one above SHARED.
  bool lets_nobody_in = false;     ///< The writer waits for the readers, or has it alone.
};

/// What SQLite has in its hands. A file's locks and its log's memory belong to it.
struct MemoryDisk::Handle : sqlite3_file {
  MemoryDisk* disk = nullptr;
  std::shared_ptr<File> file;
  std::shared_ptr<Shared> shared;
  std::string name;
  std::uint64_t life = 0;
  bool deleted_at_close = false;
  int level = SQLITE_LOCK_NONE;
  std::uint32_t shares = 0;  ///< Locks of `shared`, one bit each.
  std::uint32_t alone = 0;
};

std::shared_ptr<MemoryDisk::File> MemoryDisk::new_file() const {
  return std::make_shared<File>(++files_made_);
}

bool MemoryDisk::works(const Handle& handle) const {
  return handle.life == life_ && !is_dead();
}

bool MemoryDisk::operate() {
  if (is_dead()) return false;
  ++operations_;
  if (left_ > 0) --left_;
  return !is_dead();
}

/// The calls that SQLite makes.
struct MemoryDisk::Vfs {
  sqlite3_vfs calls{};

  static Handle& handle(sqlite3_file* file) { return *static_cast<Handle*>(file); }
  static MemoryDisk& disk(sqlite3_vfs* vfs) { return *static_cast<MemoryDisk*>(vfs->pAppData); }

  static int close(sqlite3_file* given) {
    Handle& h = handle(given);
    unlock(given, SQLITE_LOCK_NONE);
    unmap_shared(given, /*deletes=*/0);
    if (h.deleted_at_close && h.life == h.disk->life_) h.disk->files_.erase(h.name);
    h.~Handle();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* given, void* to, int count, sqlite3_int64 at) {
    const Handle& h = handle(given);
    if (!h.disk->works(h) || h.disk->faults.reads) return SQLITE_IOERR_READ;
    const std::string& content = h.file->written;
    const auto from = std::min(static_cast<std::size_t>(at), content.size());
    const auto there = std::min(static_cast<std::size_t>(count), content.size() - from);
    std::memcpy(to, content.data() + from, there);
    if (there == static_cast<std::size_t>(count)) return SQLITE_OK;
    std::memset(static_cast<char*>(to) + there, 0, static_cast<std::size_t>(count) - there);
    return SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* given, const void* from, int count, sqlite3_int64 at) {
    const Handle& h = handle(given);
    const Faults& faults = h.disk->faults;
    if (h.life != h.disk->life_ || !h.disk->operate() || faults.writes || faults.read_only) return SQLITE_IOERR_WRITE;
    const auto begin = static_cast<std::size_t>(at);
    if (faults.full && begin + static_cast<std::size_t>(count) > h.file->written.size()) return SQLITE_FULL;
    h.file->change({begin, std::string(static_cast<const char*>(from), static_cast<std::size_t>(count))});
    return SQLITE_OK;
  }

  static int truncate(sqlite3_file* given, sqlite3_int64 size) {
    const Handle& h = handle(given);
    const Faults& faults = h.disk->faults;
    if (h.life != h.disk->life_ || !h.disk->operate() || faults.writes || faults.read_only) {
      return SQLITE_IOERR_TRUNCATE;
    }
    h.file->change({static_cast<std::size_t>(size), {}, /*truncates=*/true});
    return SQLITE_OK;
  }

  static int sync(sqlite3_file* given, int /*flags*/) {
    const Handle& h = handle(given);
    if (h.life != h.disk->life_ || !h.disk->operate()) return SQLITE_IOERR_FSYNC;
    File& file = *h.file;
    const bool fails = h.disk->faults.syncs;
    if (!fails) {
      for (const auto& change : file.unsynced) change.apply(file.synced);
    }
    file.unsynced.clear();  // after a failure the kernel takes them for written
    return fails ? SQLITE_IOERR_FSYNC : SQLITE_OK;
  }

  static int size(sqlite3_file* given, sqlite3_int64* size) {
    const Handle& h = handle(given);
    if (!h.disk->works(h)) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(h.file->written.size());
    return SQLITE_OK;
  }

  static int lock(sqlite3_file* given, int level) {
    Handle& h = handle(given);
    File& file = *h.file;
    if (!h.disk->works(h)) return SQLITE_IOERR_LOCK;
    if (h.level >= level) return SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED) {
      if (file.lets_nobody_in) return SQLITE_BUSY;
      ++file.readers;
      h.level = level;
      return SQLITE_OK;
    }
    if (file.writer != nullptr && file.writer != &h) return SQLITE_BUSY;
    file.writer = &h;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
      file.lets_nobody_in = true;
      h.level = SQLITE_LOCK_PENDING;
      if (file.readers > 1) return SQLITE_BUSY;
    }
    h.level = level;
    return SQLITE_OK;
  }

  static int unlock(sqlite3_file* given, int level) {
    Handle& h = handle(given);
    if (h.level <= level) return SQLITE_OK;
    File& file = *h.file;
    if (h.life == h.disk->life_) {
      if (file.writer == &h) {
        file.writer = nullptr;
        file.lets_nobody_in = false;
      }
      if (level == SQLITE_LOCK_NONE) --file.readers;
    }
    h.level = level;
    return SQLITE_OK;
  }

  static int is_reserved(sqlite3_file* given, int* answer) {
    *answer = handle(given).file->writer != nullptr ? 1 : 0;
    return SQLITE_OK;
  }

  static int control(sqlite3_file* /*given*/, int /*what*/, void* /*argument*/) { return SQLITE_NOTFOUND; }
  static int sector_size(sqlite3_file* /*given*/) { return 4096; }
  static int characteristics(sqlite3_file* /*given*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int map_shared(sqlite3_file* given, int number, int size, int extends, void volatile** out) {
    Handle& h = handle(given);
    MemoryDisk& disk = *h.disk;
    *out = nullptr;
    if (!disk.works(h)) return SQLITE_IOERR_SHMMAP;
    if (!h.shared) {
      auto& shared = disk.shared_[h.name];
      if (!shared) {
        if (disk.faults.read_only) return SQLITE_READONLY_CANTINIT;
        shared = std::make_shared<Shared>();
      }
      h.shared = shared;
    }
    auto& regions = h.shared->regions;
    const auto index = static_cast<std::size_t>(number);
    if (index >= regions.size()) {
      if (extends == 0) return SQLITE_OK;
      if (disk.faults.full || disk.faults.read_only) return SQLITE_IOERR_SHMSIZE;
      while (index >= regions.size()) {
        regions.push_back(std::make_unique<std::vector<char>>(static_cast<std::size_t>(size)));
      }
    }
    *out = regions[index]->data();
    return SQLITE_OK;
  }

  static int lock_shared(sqlite3_file* given, int offset, int count, int flags) {
    Handle& h = handle(given);
    const bool releases = (flags & SQLITE_SHM_UNLOCK) != 0;
    if (!h.shared) return releases ? SQLITE_OK : SQLITE_IOERR_SHMLOCK;
    auto& locks = h.shared->locks;
    const auto each = [&](const auto& visit) {
      for (int i = offset; i < offset + count; ++i)
        visit(locks.at(static_cast<std::size_t>(i)), 1U << static_cast<unsigned>(i));
    };
    if (releases) {
      each([&h](int& lock, std::uint32_t bit) {
        if ((h.shares & bit) != 0) --lock;
        if ((h.alone & bit) != 0) lock = 0;
        h.shares &= ~bit;
        h.alone &= ~bit;
      });
      return SQLITE_OK;
    }
    if (!h.disk->works(h)) return SQLITE_IOERR_SHMLOCK;
    const bool shares = (flags & SQLITE_SHM_SHARED) != 0;
    bool busy = false;
    each([&](int lock, std::uint32_t bit) {
      const bool has = ((shares ? h.shares : h.alone) & bit) != 0;
      const int own = (h.shares & bit) != 0 ? 1 : 0;
      if (!has) busy |= shares ? lock < 0 : lock < 0 || lock > own;
    });
    if (busy) return SQLITE_BUSY;
    each([&](int& lock, std::uint32_t bit) {
      if (shares && (h.shares & bit) == 0) ++lock;
      if (!shares) lock = -1;
      (shares ? h.shares : h.alone) |= bit;
    });
    return SQLITE_OK;
  }

  static void shared_barrier(sqlite3_file* /*given*/) {}

  static int unmap_shared(sqlite3_file* given, int deletes) {
    Handle& h = handle(given);
    if (!h.shared) return SQLITE_OK;
    lock_shared(given, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK);
    h.shared.reset();
    if (h.life != h.disk->life_) return SQLITE_OK;
    const auto found = h.disk->shared_.find(h.name);
    if (deletes != 0 && found != h.disk->shared_.end() && found->second.use_count() == 1) h.disk->shared_.erase(found);
    return SQLITE_OK;
  }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* out, int flags, int* out_flags) {
    static const sqlite3_io_methods kMethods = {2,
                                                close,
                                                read,
                                                write,
                                                truncate,
                                                sync,
                                                size,
                                                lock,
                                                unlock,
                                                is_reserved,
                                                control,
                                                sector_size,
                                                characteristics,
                                                map_shared,
                                                lock_shared,
                                                shared_barrier,
                                                unmap_shared,
                                                nullptr,
                                                nullptr};
    out->pMethods = nullptr;
    MemoryDisk& memory = disk(vfs);
    if (memory.is_dead()) return SQLITE_CANTOPEN;
    std::shared_ptr<File> file;
    if (name == nullptr) {
      file = memory.new_file();
    } else {
      auto found = memory.files_.find(name);
      if (found == memory.files_.end()) {
        if ((flags & SQLITE_OPEN_CREATE) == 0 || memory.faults.read_only) return SQLITE_CANTOPEN;
        found = memory.files_.emplace(name, memory.new_file()).first;
      }
      file = found->second;
      if (memory.faults.read_only && (flags & SQLITE_OPEN_READWRITE) != 0) {
        flags = (flags & ~SQLITE_OPEN_READWRITE) | SQLITE_OPEN_READONLY;
      }
    }
    auto* handle = new (out) Handle;
    handle->pMethods = &kMethods;
    handle->disk = &memory;
    handle->file = std::move(file);
    handle->name = name != nullptr ? name : "";
    handle->life = memory.life_;
    handle->deleted_at_close = name != nullptr && (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int /*sync*/) {
    MemoryDisk& memory = disk(vfs);
    if (!memory.operate() || memory.faults.read_only) return SQLITE_IOERR_DELETE;
    return memory.files_.erase(name) > 0 ? SQLITE_OK : SQLITE_IOERR_DELETE_NOENT;
  }

  static int access(sqlite3_vfs* vfs, const char* name, int what, int* answer) {
    MemoryDisk& memory = disk(vfs);
    if (memory.is_dead()) return SQLITE_IOERR_ACCESS;
    const auto found = memory.files_.find(name);
    const bool is_there = found != memory.files_.end();
    *answer =
        is_there && (what == SQLITE_ACCESS_READWRITE ? !memory.faults.read_only : !found->second->written.empty());
    return SQLITE_OK;
  }

  static int full_name(sqlite3_vfs* /*vfs*/, const char* name, int room, char* out) {
    const std::string text = name;
    if (text.size() >= static_cast<std::size_t>(room)) return SQLITE_CANTOPEN;
    std::memcpy(out, text.c_str(), text.size() + 1);
    return SQLITE_OK;
  }

  static int randomness(sqlite3_vfs* /*vfs*/, int count, char* out) {
    std::memset(out, 7, static_cast<std::size_t>(count));
    return count;
  }
  static int wait(sqlite3_vfs* /*vfs*/, int microseconds) {
    return microseconds;
  }  // nobody else could let go meanwhile
  static int time(sqlite3_vfs* /*vfs*/, double* days) {
    *days = 2'460'000.5;
    return SQLITE_OK;
  }
  static int last_error(sqlite3_vfs* /*vfs*/, int /*room*/, char* /*out*/) { return 0; }
};

MemoryDisk::MemoryDisk() : vfs_(std::make_unique<Vfs>()) {
  static std::atomic<std::int64_t> disks{0};
  name_ = "memory-" + std::to_string(++disks);
  sqlite3_vfs& calls = vfs_->calls;
  calls.iVersion = 1;
  calls.szOsFile = sizeof(Handle);
  calls.mxPathname = 512;
  calls.zName = name_.c_str();
  calls.pAppData = this;
  calls.xOpen = Vfs::open;
  calls.xDelete = Vfs::remove;
  calls.xAccess = Vfs::access;
  calls.xFullPathname = Vfs::full_name;
  calls.xRandomness = Vfs::randomness;
  calls.xSleep = Vfs::wait;
  calls.xCurrentTime = Vfs::time;
  calls.xGetLastError = Vfs::last_error;
  check(sqlite3_vfs_register(&calls, /*makeDflt=*/0) == SQLITE_OK, "the disk is known to SQLite");
}

MemoryDisk::~MemoryDisk() {
  sqlite3_vfs_unregister(&vfs_->calls);
}

void MemoryDisk::stop() {
  ++life_;
  left_ = -1;
  shared_.clear();
  for (auto& [name, file] : files_) {
    file->readers = 0;
    file->writer = nullptr;
    file->lets_nobody_in = false;
  }
}

void MemoryDisk::kill() {
  stop();
}

void MemoryDisk::cut_power(const std::function<bool()>& keeps) {
  stop();
  for (auto& [name, file] : files_) {
    for (const auto& change : file->unsynced) {
      if (keeps()) change.apply(file->synced);
    }
    file->unsynced.clear();
    file->written = file->synced;
  }
}

void MemoryDisk::spoil(const std::string& name, std::size_t at, std::size_t count) {
  const auto found = files_.find(name);
  if (found == files_.end()) return;
  for (std::string* content : {&found->second->written, &found->second->synced}) {
    for (std::size_t i = at; i < std::min(at + count, content->size()); ++i) (*content)[i] ^= '\x5a';
  }
}

std::error_code MemoryDisk::make(const std::string& name) const {
  if (is_dead()) return std::make_error_code(std::errc::io_error);
  if (faults.read_only) return std::make_error_code(std::errc::read_only_file_system);
  auto& file = files_[name];
  if (!file) file = new_file();
  return {};
}

std::uintmax_t MemoryDisk::size(const std::string& name, std::error_code& error) const {
  error.clear();
  const auto found = files_.find(name);
  if (found != files_.end()) return found->second->written.size();
  error = std::make_error_code(std::errc::no_such_file_or_directory);
  return 0;
}

std::error_code MemoryDisk::rewrite(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return {};
  if (is_dead() || faults.writes || faults.syncs) return std::make_error_code(std::errc::io_error);
  if (faults.read_only) return std::make_error_code(std::errc::read_only_file_system);
  found->second->synced = found->second->written;
  found->second->unsynced.clear();
  return {};
}

std::uint64_t MemoryDisk::identity(const std::string& name) const {
  const auto found = files_.find(name);
  return found == files_.end() ? 0 : found->second->number;
}

std::error_code MemoryDisk::rename(const std::string& from, const std::string& to) const {
  if (is_dead()) return std::make_error_code(std::errc::io_error);
  if (faults.read_only) return std::make_error_code(std::errc::read_only_file_system);
  const auto found = files_.find(from);
  if (found == files_.end()) return std::make_error_code(std::errc::no_such_file_or_directory);
  files_[to] = found->second;
  files_.erase(from);
  return {};
}

std::error_code MemoryDisk::remove(const std::string& name) const {
  if (is_dead()) return std::make_error_code(std::errc::io_error);
  if (faults.read_only) return std::make_error_code(std::errc::read_only_file_system);
  files_.erase(name);
  return {};
}

}  // namespace tether::sim
