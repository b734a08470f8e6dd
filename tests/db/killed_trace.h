// Reads the traces of programs that are killed.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <thread>

#include "tests/db/fixture.h"

namespace deepgemm::db {

inline std::string content(const std::filesystem::path& path) {
  std::ifstream stream(path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// What a trace says of problem_of(m); 0 where that is not in it.
inline std::uint64_t count_of(const std::string& text, std::int64_t m) {
  const std::string key = "\ndense,1,1," + std::to_string(m) + ",2112,7168,";
  const std::size_t place = text.find(key);
  return place == std::string::npos ? 0 : std::stoull(text.substr(place + key.size()));
}

// Runs `work`, which goes on until it is killed, in a child; -9 comes as soon as `seen` says so of
// the file, which must be a whole one whenever it is there. The file's text after that, or what is
// wrong.
inline std::string text_after_kill(const std::filesystem::path& path,
                                   const std::function<void()>& work,
                                   const std::function<bool(const std::string&)>& seen) {
  const pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  std::string text;
  std::string wrong;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    text = content(path);
    if (!text.empty() && (!text.starts_with("op,groups,") || !text.ends_with("\n"))) {
      wrong = "half a file: " + text;
    }
    if (std::chrono::steady_clock::now() > give_up) wrong = "not seen: " + text;
  } while (wrong.empty() && !seen(text));
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFSIGNALED(status)) wrong = "the child ended by itself";
  return wrong.empty() ? content(path) : wrong;
}

}  // namespace deepgemm::db
