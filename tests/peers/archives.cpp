#include "tether/peers/archives.h"

#include <zlib.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "tether/base/check.h"

namespace tether::peers {
namespace {

constexpr std::size_t kBlock = 512;
constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, with gzip's header and trailer.
constexpr int kRawWindow = -15;       // zlib: the largest window, neither header nor trailer.

std::string deflated(std::string_view data, int window) {
  z_stream stream{};
  const int memory_level = 8;
  check(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, memory_level, Z_DEFAULT_STRATEGY) == Z_OK,
        "zlib starts");
  std::string in(data);
  std::string out(deflateBound(&stream, in.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  check(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib compresses in one go");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void put(std::string& header, std::size_t at, std::string_view text) {
  header.replace(at, text.size(), text);
}

std::string octal(std::uint64_t value, int digits) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", digits, static_cast<unsigned long long>(value));
  return text.data();
}

std::string tar_header(const ArchiveEntry& entry) {
  constexpr std::size_t kNameLimit = 100;
  check(entry.path.size() <= kNameLimit, "the path fits into a plain tar header");
  std::string header(kBlock, '\0');
  put(header, 0, entry.path);
  put(header, 100, "0000644");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, octal(entry.content.size(), 11));
  put(header, 136, octal(0, 11));
  put(header, 148, "        ");
  header[156] = '0';
  put(header, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(header, 148, octal(sum, 6) + std::string("\0 ", 2));
  return header;
}

void append_number(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFFU);
}

}  // namespace

std::string tar_gz(const std::vector<ArchiveEntry>& entries) {
  std::string tar;
  for (const ArchiveEntry& entry : entries) {
    tar += tar_header(entry);
    tar += entry.content;
    tar.append((kBlock - entry.content.size() % kBlock) % kBlock, '\0');
  }
  tar.append(2 * kBlock, '\0');
  return deflated(tar, kGzipWindow);
}

std::string zip(const ArchiveEntry& entry) {
  const std::string packed = deflated(entry.content, kRawWindow);
  const auto crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(entry.content.data()), static_cast<uInt>(entry.content.size())));
  const auto name_size = static_cast<std::uint32_t>(entry.path.size());

  std::string common;
  append_number(common, 20, 2);  // version needed: deflate
  append_number(common, 0, 2);   // flags
  append_number(common, 8, 2);   // method: deflate
  append_number(common, 0, 4);   // time and date
  append_number(common, crc, 4);
  append_number(common, static_cast<std::uint32_t>(packed.size()), 4);
  append_number(common, static_cast<std::uint32_t>(entry.content.size()), 4);
  append_number(common, name_size, 2);
  append_number(common, 0, 2);  // no extra field

  std::string out = "PK\x03\x04" + common + entry.path + packed;
  const auto directory_at = static_cast<std::uint32_t>(out.size());
  out += "PK\x01\x02";
  append_number(out, 20, 2);  // version made by
  out += common;
  out.append(2 + 2 + 2 + 4 + 4, '\0');  // comment, disk, attributes; the entry is at offset 0
  out += entry.path;
  const auto directory_size = static_cast<std::uint32_t>(out.size()) - directory_at;
  out += "PK\x05\x06";
  append_number(out, 0, 4);  // disks
  append_number(out, 1, 2);
  append_number(out, 1, 2);
  append_number(out, directory_size, 4);
  append_number(out, directory_at, 4);
  append_number(out, 0, 2);  // no comment
  return out;
}

}  // namespace tether::peers
