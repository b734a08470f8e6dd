// SQLite's errors in the words of the project.
#pragma once

#include <SQLiteCpp/Exception.h>

#include <filesystem>
#include <string>

namespace deepgemm::db {

// Throws the UsageError (the file is at fault) or EnvironmentError (the machine is) that this
// error of SQLite means for the database at `path`.
[[noreturn]] void rethrow(const SQLite::Exception& error, const std::filesystem::path& path);

// The refusal of a file whose content is not what was written: `what` completes the sentence
// "PATH is damaged: …".
[[noreturn]] void throw_damaged(const std::filesystem::path& path, const std::string& what);

// True for states that a writer leaves behind for milliseconds while it opens the file.
bool is_transient(const SQLite::Exception& error);

// Runs `work` and translates what SQLite throws in it.
template <class Work>
auto translated(const std::filesystem::path& path, Work&& work) {
  try {
    return work();
  } catch (const SQLite::Exception& error) {
    rethrow(error, path);
  }
}

}  // namespace deepgemm::db
