// Where a result goes, and in which form.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace deepgemm::app {

enum class Format {
  kTable,
  kCsv,
  kJson,
  kMarkdown,
  kHtml,
  kColourTable,  // see `painted`; not to be asked for by name
};

// Throws UsageError that lists `allowed`.
Format parse_format(std::string_view text, std::span<const Format> allowed);
// By suffix: .txt, .csv, .json, .md, .html. Throws UsageError where it stands for none of
// `allowed`.
Format format_of(const std::filesystem::path& file, std::span<const Format> allowed);

// A file that a result will be written to.
struct OutputFile {
  std::filesystem::path path;
  Format format;
};

// Checks suffixes and folders before any work is done. Throws UsageError.
std::vector<OutputFile> plan_outputs(std::span<const std::string> files,
                                     std::span<const Format> allowed);

// kColourTable for a table where stdout takes colours, else `format` itself.
Format painted(Format format);

// Writes `text` beside `path` and renames it: no reader ever sees half a file. Throws
// EnvironmentError.
void write_file(const std::filesystem::path& path, std::string_view text);

// Throws EnvironmentError where stdout takes no more (a full disk, a closed pipe).
void write_stdout(std::string_view text);

using Renderer = std::function<std::string(Format)>;

// The result on stdout in `format`, and in every file in the file's own.
void deliver(const Renderer& render, Format format, std::span<const OutputFile> files);

}  // namespace deepgemm::app
