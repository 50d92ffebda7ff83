// `sluice key list`: the API keys that the running gateway knows, and when each was last used.
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

constexpr size_t kPageBytesMax = 32 * 1024 * 1024;
constexpr size_t kColumns = 5;
constexpr std::array<std::string_view, kColumns> kMembers{"consumer", "id", "auth", "expires", "last_used"};
constexpr std::array<std::string_view, kColumns> kTitles{"CONSUMER", "ID", "AUTH", "EXPIRES", "LAST USED"};
constexpr std::array<std::string_view, kColumns> kNothing{"", "", "", "never", "not yet"};

using Row = TableRow<kColumns>;   // "" for what the gateway did not say

void print_json(const Row& row) {
  std::string out;
  for (size_t i = 0; i < kColumns; ++i) {
    if (row[i].empty()) continue;
    out += (out.empty() ? "{\"" : ", \"") + std::string(kMembers[i]) + "\": \"";
    append_json(out, row[i]);
    out += '"';
  }
  std::printf("%s}\n", out.c_str());
}

Row row_of(const JsonValue& key) {
  Row row;
  for (size_t i = 0; i < kColumns; ++i) {
    auto member = key.member(kMembers[i]);
    if (member) row[i] = member->string().value_or("");
  }
  return row;
}

/// gives: where the next page begins; 0: this was the last one
Result<uint64_t, std::string> read_page(const std::string& body, const std::string& consumer, std::vector<Row>& rows) {
  JsonReader reader(kPageBytesMax);
  auto page = reader.read(body);
  auto keys = page ? page->member("keys") : std::nullopt;
  if (!keys) return std::string("the gateway's answer is no list of keys");
  for (JsonElements each = keys->elements(); each.next();) {
    Row row = row_of(each.value());
    if (consumer.empty() || row[0] == consumer) rows.push_back(std::move(row));
  }
  auto next = page->member("next");
  return next ? static_cast<uint64_t>(next->integer().value_or(0)) : 0;
}

}  // namespace

int run_key_list(const KeyListOptions& options) {
  std::vector<Row> rows;
  uint64_t from = 0;
  do {
    auto answer = ask_control(options.control, "GET", "/keys?from=" + std::to_string(from));
    if (!answer) {
      std::fprintf(stderr, "sluice: %s\n", answer.error().c_str());
      return kNoControl;
    }
    auto next = answer->status == 200 ? read_page(answer->body, options.consumer, rows)
                                      : Result<uint64_t, std::string>(answer->body);
    if (!next) {
      std::fprintf(stderr, "sluice: %s\n", next.error().c_str());
      return 1;
    }
    from = *next;
  } while (from != 0);
  if (!options.json) print_table(kTitles, kNothing, rows);
  for (const Row& row : rows) {
    if (options.json) print_json(row);
  }
  return 0;
}

}  // namespace sluice::cli
