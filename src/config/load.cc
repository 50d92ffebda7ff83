#include "config/load.h"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>
#include <utility>

#include "config/environment.h"
#include "config/file_text.h"
#include "config/toml.h"

namespace sluice::config {

namespace {

constexpr IssueKind kFileUnreadable{"file_unreadable"};
constexpr IssueKind kFileTooLarge{"file_too_large"};
constexpr IssueKind kTooManyFiles{"too_many_files"};
constexpr IssueKind kIncludeForm{"include_form"};
constexpr IssueKind kIncludeMissing{"include_missing"};
constexpr IssueKind kIncludeFolder{"include_folder", Severity::warning};
constexpr IssueKind kIncludeNested{"include_nested"};
constexpr IssueKind kDefinedTwice{"defined_twice"};

// What the last glob() could not look into; it calls a function without an object.
thread_local std::string unreadable;

// Nothing is included of what is not there; of what cannot be looked into nobody knows what is missing.
int on_unreadable(const char* folder, int error) {
  if (error == ENOENT || error == ENOTDIR) return 0;
  unreadable = quoted_path(folder) + ": " + std::strerror(error);
  return 1;
}

constexpr size_t kFileBytesMax = 16 << 20;  // 10,000 routes are about 3 MiB
constexpr size_t kFilesMax =
    1'000;  // a file per team and service, with room; bounds a stray pattern

class Loader {
 public:
  Loader(Document& document, Environment environment)
      : document_(document), environment_(environment) {}

  void load_first(const std::string& path) {
    is_new(path);
    load_file(path, {});
  }

  void load_file(const std::string& path, Position named_at) {
    std::string why;
    std::optional<std::string> text = read_file_text(path, kFileBytesMax, why);
    if (text) return load_text(path, std::move(*text));
    if (document_.sources.size() == 0) named_at.file = document_.sources.add(path, "");
    document_.issues.add(kFileUnreadable, named_at, "cannot read " + quoted_path(path) + ": " + why);
    document_.complete = false;
  }

  void load_text(std::string path, std::string text) {
    bool fits = text.size() <= kFileBytesMax;
    uint32_t file = document_.sources.add(std::move(path), fits ? std::move(text) : "");
    if (!fits) {
      document_.issues.add(kFileTooLarge, {file, 0, 0, 1},
                           "larger than " + std::to_string(kFileBytesMax >> 20) + " MiB");
    }
    std::optional<Value> root =
        fits ? parse_toml(document_.sources, file, document_.issues) : std::nullopt;
    if (!root) {
      document_.complete = false;
      return;
    }
    expand_environment(*root, environment_, document_.issues);
    if (file == 0) document_.root.at = root->at;
    for (Entry& entry : root->entries) take(std::move(entry), file);
  }

  void follow_includes() {
    const Entry* include = document_.root.find("include");
    if (include == nullptr) return;
    std::vector<Value> patterns = include->value.items;
    if (include->value.kind == Value::Kind::string) patterns.push_back(include->value);
    for (const Value& pattern : patterns) {
      if (pattern.kind == Value::Kind::string) follow(pattern);
    }
  }

  /// Brings entries of one name together: tables are joined, anything else is defined twice.
  void merge(Value& table, const std::string& prefix, int depth) {
    auto by_name = [](const Entry& a, const Entry& b) { return a.name < b.name; };
    std::stable_sort(table.entries.begin(), table.entries.end(), by_name);
    std::vector<Entry> merged;
    merged.reserve(table.entries.size());
    for (Entry& entry : table.entries) {
      if (merged.empty() || merged.back().name != entry.name) {
        merged.push_back(std::move(entry));
        continue;
      }
      Entry& first = merged.back();
      if (depth == 0 && first.value.is_table() && entry.value.is_table()) {
        std::move(entry.value.entries.begin(), entry.value.entries.end(),
                  std::back_inserter(first.value.entries));
        continue;
      }
      Issue& issue = document_.issues.add(kDefinedTwice, entry.at,
                                          quoted(prefix + entry.name) + " is defined twice");
      issue.note = "first defined at " + document_.sources.place(first.at);
    }
    table.entries = std::move(merged);
    if (depth > 0) return;
    for (Entry& entry : table.entries) {
      if (entry.value.is_table()) merge(entry.value, entry.name + ".", 1);
    }
  }

 private:
  void take(Entry&& entry, uint32_t file) {
    if (file > 0 && entry.name == "include") {
      Issue& issue = document_.issues.add(kIncludeNested, entry.at,
                                          "an included file includes nothing itself");
      issue.hint = "name the files in " + document_.sources[0].path;
      return;
    }
    document_.root.entries.push_back(std::move(entry));
  }

  // A folder without files may be filled later; one that is not there was most likely misspelt.
  void warn_of_no_folder(const std::string& pattern, Position at) {
    size_t slash = pattern.rfind('/', pattern.find_first_of("*?["));
    if (slash == std::string::npos || slash == 0) return;
    std::string folder = pattern.substr(0, slash);
    if (::access(folder.c_str(), F_OK) == 0) return;
    document_.issues.add(kIncludeFolder, at, "nothing is included: no folder " + quoted_path(folder));
  }

  void give_up(const std::string& why, Position at) {
    document_.issues.add(kFileUnreadable, at, "cannot read " + why);
    document_.complete = false;
  }

  void follow(const Value& pattern) {
    if (pattern.text.empty()) {
      document_.issues.add(kIncludeForm, pattern.at, "an empty file name");
      return;
    }
    if (pattern.text.find("**") != std::string::npos) {
      document_.issues.add(kIncludeForm, pattern.at, "\"**\" reaches no further than \"*\": name each folder");
      return;
    }
    std::string full = document_.sources.resolve(pattern.at.file, pattern.text);
    bool is_pattern = pattern.text.find_first_of("*?[") != std::string::npos;
    if (!is_pattern && ::access(full.c_str(), F_OK) != 0) {
      if (errno != ENOENT) return give_up(quoted_path(full) + ": " + std::strerror(errno), pattern.at);
      document_.issues.add(kIncludeMissing, pattern.at, "no such file: " + quoted_path(full));
      document_.complete = false;
      return;
    }
    glob_t found{};
    int failed = ::glob(full.c_str(), GLOB_MARK, &on_unreadable, &found);
    std::vector<std::string> paths(found.gl_pathv,
                                   found.gl_pathv + (failed == 0 ? found.gl_pathc : 0));
    ::globfree(&found);
    if (failed == GLOB_ABORTED) return give_up(unreadable, pattern.at);
    if (paths.empty() && is_pattern) warn_of_no_folder(full, pattern.at);
    for (const std::string& path : paths) {
      if (document_.sources.size() == kFilesMax) {
        document_.issues.add(kTooManyFiles, pattern.at,
                             "more than " + std::to_string(kFilesMax) + " files");
        document_.complete = false;
        return;
      }
      if (is_new(path)) load_file(path, pattern.at);
    }
  }

  // Several patterns may match a file, and one the file that includes: it is read once.
  bool is_new(const std::string& path) {
    struct stat found{};
    return ::stat(path.c_str(), &found) != 0 || seen_.emplace(found.st_dev, found.st_ino).second;
  }

  Document& document_;
  Environment environment_;
  std::set<std::pair<dev_t, ino_t>> seen_;
};

}  // namespace

Document load(const std::string& path, Environment environment) {
  Document document;
  Loader loader(document, environment);
  loader.load_first(path);
  loader.follow_includes();
  loader.merge(document.root, "", 0);
  return document;
}

Document load_text(std::string name, std::string text, Environment environment) {
  Document document;
  Loader loader(document, environment);
  loader.load_text(std::move(name), std::move(text));
  loader.merge(document.root, "", 0);
  return document;
}

}  // namespace sluice::config
