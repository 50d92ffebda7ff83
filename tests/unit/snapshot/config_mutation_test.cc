// Requirement A10: good files, broken in one place at a time. Each mutant is refused at the right
// line, or is taken for a reason that stands here; mistyped keys get the right suggestion in at
// least 95 %.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>

#include "snapshot/config.h"
#include "unit/snapshot/config_workspace.h"
#include "unit/snapshot/toml_places.h"

namespace sluice::snapshot {
namespace {

std::vector<std::string> mistyped(const std::string& key) {
  std::vector<std::string> out;
  for (size_t i = 0; i < key.size(); ++i) {
    if (key.size() > 2) out.push_back(key.substr(0, i) + key.substr(i + 1));
    if (i + 1 < key.size() && key[i] != key[i + 1]) {
      std::string swapped = key;
      std::swap(swapped[i], swapped[i + 1]);
      out.push_back(swapped);
    }
    out.push_back(key.substr(0, i) + "x" + key.substr(i));
    std::string replaced = key;
    replaced[i] = key[i] == 'q' ? 'z' : 'q';
    out.push_back(replaced);
  }
  return out;
}

// Tables whose keys are names of the user's own: no spelling of them is wrong.
bool names_are_free(const std::string& table) {
  for (std::string_view end : {".set", ".add", ".query", ".settings", ".claims", ".match.headers", ".respond.headers", ".allow.path"}) {
    if (table.ends_with(end)) return true;
  }
  return false;
}

// Why a value of another type is as good; null: it is not.
const char* why_taken(const Assignment& place, const std::string& value) {
  bool text = value == "\"z z\"";
  if (place.key == "expires" && value == "2027-01-31") return "it is a date";
  if (place.key == "tls" && value == "true") return "tls = true is short for a table of defaults";
  if (place.key == "include" && text) return "a list of one pattern";
  if (place.key == "roles" && text) return "a list of one role, which is a name of the user's own";
  if (place.table.ends_with("message_types") && place.key == "allow" && text) return "a list of one type of message";
  return nullptr;
}

bool is_header(const std::string& line) { return line.starts_with('['); }
bool says_something(const std::string& line) { return !line.empty() && line[0] != '#'; }

class ConfigMutation : public testing::TestWithParam<const char*> {
 protected:
  ConfigMutation() : lines_(lines_of(read_text(ConfigWorkspace::golden() / GetParam()))), places_(TomlPlaces::assignments(lines_)) {}

  LoadedConfig load(const std::vector<std::string>& lines) {
    return load_config_text((workspace_->folder() / GetParam()).string(), text_of(lines));
  }

  std::vector<std::string> with(size_t line, size_t at, size_t size, const std::string& text) const {
    std::vector<std::string> mutant = lines_;
    mutant[line].replace(at, size, text);
    return mutant;
  }

  // The errors of that line (an index), in their order.
  static std::vector<config::Issue> errors_on(const LoadedConfig& loaded, size_t line) {
    std::vector<config::Issue> errors;
    for (const config::Issue& issue : loaded.document.issues.list()) {
      if (issue.at.line == line + 1 && issue.kind.severity == config::Severity::error) errors.push_back(issue);
    }
    return errors;
  }

  // An error stands on the value that is put in the place of the good one.
  void expect_refused_at(const Assignment& place, const std::string& value) {
    if (why_taken(place, value)) return;
    std::vector<std::string> mutant = with(place.line, place.value_at, place.value_end - place.value_at, value);
    LoadedConfig loaded = load(mutant);
    // A secret may be any of what stands in its braces: nothing of it is looked at.
    size_t begin = place.key == "secret" ? 0 : place.value_at;
    bool found = false;
    for (const config::Issue& issue : errors_on(loaded, place.line))
      found |= issue.at.column > begin && issue.at.column <= place.value_at + value.size();
    EXPECT_TRUE(found) << mutant[place.line] << "\n" << loaded.issues_text();
  }

  static void SetUpTestSuite() { workspace_ = std::make_unique<ConfigWorkspace>(); }
  static void TearDownTestSuite() { workspace_.reset(); }

  static inline std::unique_ptr<ConfigWorkspace> workspace_;
  std::vector<std::string> lines_;
  std::vector<Assignment> places_;
};

TEST_P(ConfigMutation, the_good_file_is_good) {
  LoadedConfig loaded = load(lines_);
  EXPECT_EQ(loaded.issues_text(), "");
}

TEST_P(ConfigMutation, mistyped_keys_are_found_and_suggested) {
  size_t all = 0, suggested = 0;
  std::string missed;
  for (const Assignment& place : places_) {
    bool done = std::string_view(GetParam()) == "good_inline.toml" && !place.in_braces;   // good.toml has enough of these
    if (done || names_are_free(place.table)) continue;
    for (const std::string& typo : mistyped(place.key)) {
      LoadedConfig loaded = load(with(place.line, place.key_at, place.key.size(), typo));
      std::vector<config::Issue> errors = errors_on(loaded, place.line);
      ASSERT_FALSE(errors.empty()) << typo << "\n" << loaded.issues_text();
      bool right = std::any_of(errors.begin(), errors.end(), [&](const config::Issue& issue) {
        return issue.at.column == place.key_at + 1 && issue.hint == "did you mean \"" + place.key + "\"?";
      });
      ++all;
      suggested += right ? 1 : 0;
      if (!right) missed += typo + " for " + place.key + ":\n" + loaded.issues_text();
    }
  }
  EXPECT_GT(all, 1'000u);
  EXPECT_GE(static_cast<double>(suggested), 0.95 * static_cast<double>(all)) << missed;
}

TEST_P(ConfigMutation, mistyped_tables_are_found_at_their_line) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (!is_header(lines_[i]) || lines_[i][1] == '[') continue;
    LoadedConfig loaded = load(with(i, 2, 0, "q"));
    EXPECT_FALSE(errors_on(loaded, i).empty()) << lines_[i] << "\n" << loaded.issues_text();
  }
}

TEST_P(ConfigMutation, wrong_types_are_found_at_their_place) {
  for (const Assignment& place : places_) {
    for (const char* value : {"12.5", "2027-01-31", "[[1]]", "{ zzz = 1 }"}) expect_refused_at(place, value);
    char first = lines_[place.line][place.value_at];
    if (first != '"') expect_refused_at(place, "\"z z\"");
    if (first != 't' && first != 'f') expect_refused_at(place, "true");
    if (!std::isdigit(first)) expect_refused_at(place, "-7");
  }
}

TEST_P(ConfigMutation, dropped_units_are_found_at_their_place) {
  size_t dropped = 0;
  for (const Assignment& place : places_) {
    std::string value = lines_[place.line].substr(place.value_at, place.value_end - place.value_at);
    bool has_unit = value.size() > 3 && value[0] == '"' && std::isdigit(value[1]) && std::isalpha(value[value.size() - 2]);
    if (!has_unit || value.find('.') != std::string::npos || value.find(':') != std::string::npos) continue;
    ++dropped;
    size_t unit = value.find_last_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\"") + 1;
    expect_refused_at(place, std::to_string(std::stoi(value.substr(1))));
    expect_refused_at(place, value.substr(0, unit) + "\"");
  }
  EXPECT_GE(dropped, 14u);
}

TEST_P(ConfigMutation, keys_given_twice_are_found_at_the_second) {
  for (const Assignment& place : places_) {
    std::string pair = lines_[place.line].substr(place.key_at, place.value_end - place.key_at);
    std::vector<std::string> mutant = place.in_braces ? with(place.line, place.key_at, 0, pair + ", ") : lines_;
    if (!place.in_braces) mutant.insert(mutant.begin() + static_cast<long>(place.line), pair);
    LoadedConfig loaded = load(mutant);
    std::vector<config::Issue> errors = errors_on(loaded, place.line + (place.in_braces ? 0 : 1));
    ASSERT_EQ(errors.size(), 1u) << pair << "\n" << loaded.issues_text();
    EXPECT_EQ(errors[0].text, "\"" + place.key + "\" is defined twice");
    EXPECT_EQ(errors[0].at.column, place.key_at + 1 + (place.in_braces ? pair.size() + 2 : 0)) << loaded.issues_text();
  }
}

TEST_P(ConfigMutation, tables_given_twice_are_found_at_the_second) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (!is_header(lines_[i]) || lines_[i][1] == '[') continue;   // of those there may be many
    std::vector<std::string> mutant = lines_;
    mutant.push_back(lines_[i]);
    LoadedConfig loaded = load(mutant);
    EXPECT_FALSE(errors_on(loaded, lines_.size()).empty()) << lines_[i] << "\n" << loaded.issues_text();
  }
}

// What cannot be left out, and how the line begins that the error stands on then: empty for the file as a whole.
const std::map<std::string, std::string>& needed() {
  static const std::map<std::string, std::string> lines = {
      {"sluice", ""},
      {"[admin] address", "[admin]"},
      {"[listen.public] address", "[listen.public]"},
      {"[listen.plain] address", "[listen.plain]"},
      {"[listen.main] address", "[listen.main]"},
      {"[[tls.site.certificates]] cert", "[[tls.site.certificates]]"},
      {"[[tls.site.certificates]] key", "[[tls.site.certificates]]"},
      {"[tls.site] certificates", "[tls.site]"},
      {"[[upstream.orders.servers]] address", "[[upstream.orders.servers]]"},
      {"[upstream.orders] servers", "[upstream.orders]"},
      {"[route.orders] upstream", "[route.orders]"},
      {"[route.orders] match", "[route.orders]"},
      {"[route.orders.match] path", "[route.orders.match]"},
      {"[route.old] match", "[route.old]"},
      {"[route.old] redirect", "[route.old]"},
      {"[route.old.redirect] to", "[route.old.redirect]"},
      {"[route.gone] match", "[route.gone]"},
      {"[route.gone] respond", "[route.gone]"},
      {"[route.stream] match", "[route.stream]"},
      {"[route.stream] upstream", "[route.stream]"},
      {"[plugin.versions] file", "[plugin.versions]"},
      {"[redis.main] url", "[redis.main]"},
      {"[redis.watched] sentinel", "[redis.watched]"},
      {"[redis.many] cluster", "[redis.many]"},
      {"[auth.partners] type", "[auth.partners]"},
      {"[limit.fair] key", "[limit.fair]"},
      {"[limit.fair] rate", "[limit.fair]"},
      {"[cors.web] origins", "[cors.web]"},
      {"[route.orders] auth", "[route.orders]"},
      {"[route.stream] auth", "[route.stream]"},
      {"[listen.public] tls", "redirect = \"listen.public\""},
      {"[listen.main] tls", "protocols"},
      {"[plugin.versions] settings", "[plugin.versions]"},
      {"[redis.main] password", "user "},
      {"[redis.watched] master", "sentinel "},
      {"[redis.watched] sentinel_password", "sentinel_user"},
      {"[ip_list.guests] addresses", "[ip_list.guests]"},
  };
  return lines;
}

// Every other key has a default, or is a choice of the user's: a mutant without it is taken.
TEST_P(ConfigMutation, dropped_keys_are_found_where_they_are_needed) {
  size_t found = 0;
  std::string table;
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (is_header(lines_[i])) table = lines_[i];
    if (!says_something(lines_[i]) || is_header(lines_[i])) continue;
    std::vector<std::string> mutant = lines_;
    mutant[i] = "#";
    LoadedConfig loaded = load(mutant);
    std::string key = (table.empty() ? "" : table + " ") + lines_[i].substr(0, lines_[i].find(' '));
    auto need = needed().find(key);
    if (need == needed().end()) {
      EXPECT_FALSE(loaded.has_errors()) << key << "\n" << loaded.issues_text();
      continue;
    }
    ++found;
    auto at = std::find_if(lines_.begin(), lines_.end(), [&](const std::string& line) { return line.starts_with(need->second); });
    bool right = need->second.empty() ? loaded.document.issues.list().at(0).at.line == 0 && loaded.has_errors()
                                      : !errors_on(loaded, static_cast<size_t>(at - lines_.begin())).empty();
    EXPECT_TRUE(right) << key << "\n" << loaded.issues_text();
  }
  EXPECT_GT(found, 10u);
}

// The keys below it fall to the table above, which does not take them, or has them already.
TEST_P(ConfigMutation, dropped_headers_are_found_at_a_line_below_or_named) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (!is_header(lines_[i])) continue;
    std::vector<std::string> mutant = lines_;
    mutant[i] = "#";
    LoadedConfig loaded = load(mutant);
    bool found = false;
    for (size_t line = i + 1; line < lines_.size() && !is_header(lines_[line]); ++line) {
      std::string place = GetParam() + std::string(":") + std::to_string(line + 1) + ":";
      found |= loaded.has_errors() && loaded.issues_text().find(place) != std::string::npos;
    }
    EXPECT_TRUE(found) << lines_[i] << "\n" << loaded.issues_text();
  }
}

// A list goes on over lines, so that one without its bracket is noticed further down: a note names its line.
TEST_P(ConfigMutation, dropped_marks_are_found_at_their_line) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (!says_something(lines_[i])) continue;
    for (size_t at = 0; at < lines_[i].size(); ++at) {
      if (std::string_view("\"[]{}=,").find(lines_[i][at]) == std::string_view::npos) continue;
      LoadedConfig loaded = load(with(i, at, 1, ""));
      bool named = loaded.has_errors() && loaded.document.issues.list()[0].note.find(
          "list begins at " + (workspace_->folder() / GetParam()).string() + ":" + std::to_string(i + 1) + ":") != std::string::npos;
      EXPECT_TRUE(named || !errors_on(loaded, i).empty()) << with(i, at, 1, "")[i] << "\n" << loaded.issues_text();
    }
  }
}

TEST_P(ConfigMutation, a_quote_too_many_never_passes) {
  for (size_t i = 0; i < lines_.size(); ++i) {
    if (!says_something(lines_[i])) continue;
    for (size_t at = 0; at < lines_[i].size(); at += 3) {
      EXPECT_TRUE(load(with(i, at, 0, "\"")).has_errors()) << lines_[i] << " at " << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(good_files, ConfigMutation, testing::Values("good.toml", "good_inline.toml"),
                         [](const auto& file) { return file.index == 0 ? "tables" : "braces"; });

}  // namespace
}  // namespace sluice::snapshot
