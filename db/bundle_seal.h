// The last bytes of a bundle: its completion marker and the checksum of all bytes before.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>

namespace deepgemm::db {

// Both read an open file through SQLite's handle: to open it beside that and close it again would
// drop the locks of this process.

// Whether the file ends in a seal, be it the right one or not.
bool has_seal(const SQLite::Database& database);

// Whether that is the seal of the bytes before it. Reads the whole file.
bool has_right_seal(const SQLite::Database& database);

// Appends the seal to a finished file, syncs it and takes away the right to write it. Throws
// EnvironmentError where the disk is full or fails, which says `name`: what the file is to become.
void append_seal(const std::filesystem::path& path, const std::filesystem::path& name);

// Makes a rename in this folder survive a power cut, where the file system can.
void sync_folder(const std::filesystem::path& folder);

}  // namespace deepgemm::db
