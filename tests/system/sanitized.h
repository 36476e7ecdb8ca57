#pragma once

/// Whether this test, and with it the daemon, was built with a sanitizer: much slower, and its memory says nothing.
namespace tether::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

/// ThreadSanitizer writes a file of its own before `main`: a daemon built with it does not start on a full disk.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kStartsOnFullDisk = false;
#elif defined(__has_feature)
inline constexpr bool kStartsOnFullDisk = !__has_feature(thread_sanitizer);
#else
inline constexpr bool kStartsOnFullDisk = true;
#endif

}  // namespace tether::test
