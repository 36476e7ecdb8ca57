#include "tether/protocol/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <utility>

#include "tether/protocol/archive_name.h"

namespace tether::protocol {
namespace {

using ArchiveHandle = std::unique_ptr<archive, decltype(&archive_read_free)>;
constexpr std::size_t kPieceBytes = 65'536;

tl::unexpected<Error> over(std::string_view limit, std::size_t value) {
  return fail(ErrorKind::Reject, "archive: over " + std::string(limit) + " (" + std::to_string(value) + ")");
}

/// Looks whether what is packed is packed once more: its first two bytes say. libarchive would unpack that as well, up
/// to 25 times over, and between two layers no limit of ours holds.
class SecondLayer {
 public:
  SecondLayer() { usable_ = inflateInit2(&stream_, /*windowBits=*/31) == Z_OK; }
  ~SecondLayer() { inflateEnd(&stream_); }
  SecondLayer(const SecondLayer&) = delete;
  SecondLayer& operator=(const SecondLayer&) = delete;

  /// True once it is seen. Gets every piece of the body before libarchive does.
  bool shows_in(std::string_view piece) {
    if (!usable_) return false;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    stream_.next_out = first_.data() + (first_.size() - stream_left_);
    stream_.avail_out = stream_left_;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    stream_left_ = stream_.avail_out;
    // Once both bytes are there, or it is no gzip, there is nothing more to see.
    usable_ = stream_left_ > 0 && (result == Z_OK || result == Z_BUF_ERROR);
    return stream_left_ == 0 && first_[0] == 0x1F && first_[1] == 0x8B;
  }

 private:
  z_stream stream_{};
  std::array<Bytef, 2> first_{};
  uInt stream_left_ = 2;
  bool usable_ = false;
};

/// What libarchive's callback is given: where the body comes from, and why it stopped coming.
struct Source {
  const ReadChunk& read;
  const ArchiveLimits& limits;
  std::size_t bytes = 0;
  std::optional<Error> failure;
  SecondLayer second_layer = {};

  static la_ssize_t on_read(archive* handle, void* self, const void** piece) {
    return static_cast<Source*>(self)->next(handle, piece);
  }

  la_ssize_t next(archive* handle, const void** piece) {
    Result<std::string_view> chunk = read();
    if (chunk && chunk->size() > limits.max_packed_bytes() - bytes) {
      chunk = over("what limits.max_archive_bytes allows, packed", limits.max_packed_bytes());
    }
    if (chunk && second_layer.shows_in(*chunk)) chunk = fail(ErrorKind::Reject, "archive: packed more than once");
    if (!chunk) {
      failure = chunk.error();
      archive_set_error(handle, EIO, "the body failed");
      return -1;
    }
    bytes += chunk->size();
    *piece = chunk->data();
    return static_cast<la_ssize_t>(chunk->size());
  }
};

/// One reading of one archive. libarchive's own words are not passed on: they may quote a name from the archive.
class Unpacking {
 public:
  Unpacking(const ReadChunk& read, const OnEntry& on_entry, const ArchiveLimits& limits)
      : limits_(limits), on_entry_(on_entry), source_{read, limits, 0, std::nullopt} {}

  Result<ArchiveSummary> run() {
    archive_read_support_filter_gzip(handle_.get());
    archive_read_support_format_tar(handle_.get());
    if (archive_read_open(handle_.get(), &source_, /*open=*/nullptr, Source::on_read, /*close=*/nullptr) <
        ARCHIVE_WARN) {
      return damaged();
    }
    while (true) {
      archive_entry* entry = nullptr;
      const int found = archive_read_next_header(handle_.get(), &entry);
      if (found == ARCHIVE_EOF) return summary_;
      if (found < ARCHIVE_WARN) return damaged();
      const auto taken = take(entry);
      if (!taken) return tl::unexpected<Error>(taken.error());
    }
  }

 private:
  Result<Done> take(archive_entry* entry) {
    if (summary_.entries + summary_.passed_over == limits_.max_entries) {
      return over("its number of entries", limits_.max_entries);
    }
    auto name = name_of(entry);
    if (!name) {
      ++summary_.passed_over;
      return read_content(/*document=*/nullptr);
    }
    ++summary_.entries;
    ArchiveEntry whole{std::move(name->deployment_id), std::move(name->artifact_id), {}};
    auto read = read_content(&whole.document);
    if (!read) return read;
    return on_entry_(std::move(whole));
  }

  /// Only a regular file of the expected form has one. Sparse files are passed over with the rest, as far as libarchive
  /// tells that they are.
  static std::optional<ArchiveName> name_of(archive_entry* entry) {
    const bool regular = archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr &&
                         archive_entry_symlink(entry) == nullptr && archive_entry_sparse_count(entry) == 0;
    const char* path = archive_entry_pathname(entry);
    return regular && path != nullptr ? parse_archive_name(path) : std::nullopt;
  }

  /// Reads the entry to its end, into `document` if there is one and it fits: a document over its limit ends up empty.
  Result<Done> read_content(std::string* document) {
    std::array<char, kPieceBytes> piece;
    while (true) {
      const la_ssize_t count = archive_read_data(handle_.get(), piece.data(), piece.size());
      if (count < 0) return damaged();
      content_bytes_ += static_cast<std::size_t>(count);
      if (std::max(unpacked_bytes(), content_bytes_) > limits_.max_unpacked_bytes) {
        return over("limits.max_archive_bytes", limits_.max_unpacked_bytes);
      }
      if (count == 0) return Done{};
      if (document == nullptr) continue;
      if (document->size() + static_cast<std::size_t>(count) > limits_.max_entry_bytes) {
        *document = std::string();
        document = nullptr;
        continue;
      }
      document->append(piece.data(), static_cast<std::size_t>(count));
    }
  }

  /// Everything that came out of gzip, headers and padding included.
  std::size_t unpacked_bytes() const { return static_cast<std::size_t>(archive_filter_bytes(handle_.get(), 0)); }

  tl::unexpected<Error> damaged() const {
    if (source_.failure) return tl::unexpected<Error>(*source_.failure);
    return fail(ErrorKind::Retry, "archive: damaged or cut short");
  }

  const ArchiveLimits& limits_;
  const OnEntry& on_entry_;
  Source source_;
  ArchiveSummary summary_;
  std::size_t content_bytes_ = 0;  ///< Of all entries, with the holes of sparse files, which nobody sent.
  ArchiveHandle handle_{archive_read_new(), &archive_read_free};
};

}  // namespace

Result<ArchiveSummary> unpack(const ReadChunk& read, const OnEntry& on_entry, const ArchiveLimits& limits) {
  Unpacking unpacking(read, on_entry, limits);
  return unpacking.run();
}

}  // namespace tether::protocol
