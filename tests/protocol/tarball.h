#pragma once

#include <zlib.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>
#include <string_view>

/// Archives made by hand, the hostile ones included that no archiver would write.
namespace tether::protocol::samples {

inline constexpr std::size_t kTarBlock = 512;

struct TarEntry {
  std::string name;
  std::string content;
  char type = '0';        ///< '0' file, '1' hard link, '2' symbolic link, '3' device, '5' folder, '6' pipe.
  std::string link = {};  ///< Where a link points.
};

inline void put_octal(std::string& header, std::size_t at, std::size_t digits, std::size_t value) {
  for (std::size_t i = digits; i-- > 0; value /= 8) header[at + i] = static_cast<char>('0' + value % 8);
}

/// A header that says the content has `size` bytes, whatever follows.
inline std::string tar_header(const TarEntry& entry, std::size_t size) {
  std::string header(kTarBlock, '\0');
  header.replace(0, entry.name.size(), entry.name);
  put_octal(header, 100, 7, 0644);
  put_octal(header, 108, 7, 0);
  put_octal(header, 116, 7, 0);
  put_octal(header, 124, 11, size);
  put_octal(header, 136, 11, 0);
  header[156] = entry.type;
  header.replace(157, entry.link.size(), entry.link);
  header.replace(257, 8, std::string("ustar\00000", 8));
  header.replace(148, 8, "        ");
  std::size_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_octal(header, 148, 6, sum);
  header[154] = '\0';
  return header;
}

inline std::string tar(const std::vector<TarEntry>& entries) {
  std::string out;
  for (const TarEntry& entry : entries) {
    out += tar_header(entry, entry.content.size());
    out += entry.content;
    out.append((kTarBlock - entry.content.size() % kTarBlock) % kTarBlock, '\0');
  }
  out.append(2 * kTarBlock, '\0');
  return out;
}

inline std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, /*windowBits=*/31, /*memLevel=*/8,
                       Z_DEFAULT_STRATEGY) == Z_OK);
  std::string in = text;
  std::string out(deflateBound(&stream, in.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace tether::protocol::samples
