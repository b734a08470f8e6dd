#include "app/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "app/terminal.h"
#include "core/error.h"

namespace deepgemm::app {

namespace {

struct FormatName {
  Format format;
  std::string_view name;
  std::string_view suffix;
};

constexpr FormatName kFormats[] = {
    {Format::kTable, "table", ".txt"}, {Format::kCsv, "csv", ".csv"},
    {Format::kJson, "json", ".json"},  {Format::kMarkdown, "markdown", ".md"},
    {Format::kHtml, "html", ".html"},
};

std::string listed(std::span<const Format> allowed, std::string_view FormatName::*member) {
  std::string list;
  for (const auto& entry : kFormats) {
    if (std::ranges::find(allowed, entry.format) == allowed.end()) continue;
    list += fmt::format("{}{}", list.empty() ? "" : ", ", entry.*member);
  }
  return list;
}

std::optional<Format> find_format(std::string_view text, std::string_view FormatName::*member,
                                  std::span<const Format> allowed) {
  for (const auto& entry : kFormats) {
    if (entry.*member == text && std::ranges::find(allowed, entry.format) != allowed.end()) {
      return entry.format;
    }
  }
  return std::nullopt;
}

}  // namespace

Format parse_format(std::string_view text, std::span<const Format> allowed) {
  const auto format = find_format(text, &FormatName::name, allowed);
  if (!format) {
    throw core::UsageError(fmt::format("Unknown format '{}'.", text),
                           fmt::format("Use one of: {}.", listed(allowed, &FormatName::name)));
  }
  return *format;
}

Format format_of(const std::filesystem::path& file, std::span<const Format> allowed) {
  const auto format = find_format(file.extension().string(), &FormatName::suffix, allowed);
  if (!format) {
    throw core::UsageError(
        fmt::format("The suffix of output file '{}' stands for no format.", file.string()),
        fmt::format("Let the name end in one of: {}.", listed(allowed, &FormatName::suffix)));
  }
  return *format;
}

std::vector<OutputFile> plan_outputs(std::span<const std::string> files,
                                     std::span<const Format> allowed) {
  std::vector<OutputFile> outputs;
  for (const auto& file : files) {
    const std::filesystem::path path(file);
    outputs.push_back({path, format_of(path, allowed)});
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored)) {
      throw core::UsageError(fmt::format("The folder of output file '{}' does not exist.", file),
                             "Create the folder, or choose another one.");
    }
  }
  return outputs;
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  auto temporary = path;
  temporary += fmt::format(".{}.tmp", getpid());
  std::ofstream stream(temporary, std::ios::binary);
  stream << text;
  stream.close();
  std::error_code error;
  if (stream) std::filesystem::rename(temporary, path, error);
  if (!stream || error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw core::EnvironmentError(fmt::format("Cannot write '{}'.", path.string()),
                                 "Check the folder's permissions and the space on its disk.");
  }
}

void write_stdout(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    throw core::EnvironmentError(
        fmt::format("Cannot write the result to stdout: {}.", std::strerror(errno)),
        "Check where stdout leads, or write to a file with --output.");
  }
}

Format painted(Format format) {
  return format == Format::kTable && look_at(stdout).colour ? Format::kColourTable : format;
}

void deliver(const Renderer& render, Format format, std::span<const OutputFile> files) {
  // Files first: a closed pipe on stdout must not cost them.
  for (const auto& file : files) write_file(file.path, render(file.format));
  write_stdout(render(format));
}

}  // namespace deepgemm::app
