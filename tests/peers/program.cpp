#include "tether/peers/program.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>

namespace tether::peers {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

void block_stop_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void wait_for_stop_signal() {
  const sigset_t set = stop_signals();
  int number = 0;
  sigwait(&set, &number);
}

int give_up(const Error& error) {
  std::cerr << error.message << '\n';
  return 1;
}

void print_line(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::cout << line << std::endl;
}

void replace_file(const std::string& path, const std::string& content) {
  const std::string next = path + ".next";
  std::ofstream(next, std::ios::binary | std::ios::trunc) << content;
  std::error_code ignored;
  std::filesystem::rename(next, path, ignored);
}

}  // namespace tether::peers
