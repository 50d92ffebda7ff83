#include "config/source.h"

#include <filesystem>
#include <system_error>

namespace sluice::config {

uint32_t Sources::add(std::string path, std::string text) {
  Source source{std::move(path), std::move(text), {0}};
  for (size_t i = 0; i < source.text.size(); ++i) {
    if (source.text[i] == '\n') source.line_starts.push_back(static_cast<uint32_t>(i + 1));
  }
  sources_.push_back(std::move(source));
  return static_cast<uint32_t>(sources_.size() - 1);
}

std::string_view Sources::line(Position at) const {
  if (at.file >= sources_.size() || at.line == 0) return {};
  const Source& source = sources_[at.file];
  if (at.line > source.line_starts.size()) return {};
  std::string_view rest = std::string_view(source.text).substr(source.line_starts[at.line - 1]);
  std::string_view line = rest.substr(0, rest.find('\n'));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

std::string Sources::place(Position at) const {
  std::string out = at.file < sources_.size() ? sources_[at.file].path : "(nowhere)";
  if (at.line == 0) return out;
  return out + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

std::string Sources::resolve(uint32_t file, std::string_view path) const {
  if (path.empty() || path.front() == '/' || file >= sources_.size()) return std::string(path);
  const std::string& from = sources_[file].path;
  size_t slash = from.rfind('/');
  return (slash == std::string::npos ? "" : from.substr(0, slash + 1)) + std::string(path);
}

std::string Sources::absolute(uint32_t file, std::string_view path) const {
  std::string resolved = resolve(file, path);
  if (resolved.empty()) return resolved;
  std::error_code no_folder;   // where the process is may be gone; then the name says what it can
  auto full = std::filesystem::absolute(resolved, no_folder);
  if (no_folder) return resolved;
  std::filesystem::path plain;
  for (const auto& part : full) {   // ".." stays: behind a link it is another folder than it seems
    if (part != ".") plain /= part;
  }
  return plain.string();
}

}  // namespace sluice::config
