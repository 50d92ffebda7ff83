// `sluice connections`: what the running gateway has in flight, who is behind it, and an end to some of it.
#include <array>
#include <cctype>
#include <cstdio>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/control_client.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

constexpr size_t kPageBytesMax = 32 * 1024 * 1024;
constexpr size_t kColumns = 9;
constexpr std::array<std::string_view, kColumns> kTitles{"REQUEST ID", "KIND", "ROUTE", "CLIENT", "SUBJECT",
                                                         "CONSUMER", "CREDENTIAL", "SECONDS", "BYTES IN/OUT"};
constexpr std::array<std::string_view, kColumns> kNothing{"-", "-", "-", "-", "-", "-", "-", "-", "-"};
using Row = TableRow<kColumns>;

std::string encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (char byte : text) {
    auto value = static_cast<unsigned char>(byte);
    if (std::isalnum(value) != 0) {
      out += byte;
    } else {
      out += {'%', kHex[value >> 4], kHex[value & 15]};
    }
  }
  return out;
}

std::string target_of(const ConnectionsOptions& options) {
  std::string target = options.close ? "/connections/close?" : "/connections?";
  const std::pair<std::string_view, const std::string*> texts[] = {{"route", &options.route},
                                                                   {"subject", &options.subject},
                                                                   {"consumer", &options.consumer},
                                                                   {"credential", &options.credential},
                                                                   {"request_id", &options.request_id}};
  for (const auto& [name, text] : texts) {
    if (!text->empty()) target += std::string(name) + '=' + encoded(*text) + '&';
  }
  return target + "rows=" + std::to_string(options.rows);
}

std::string text_of(const JsonValue& value, std::string_view name) {
  auto member = value.member(name);
  if (!member) return {};
  if (auto number = member->integer()) return std::to_string(*number);
  return std::string(member->string().value_or(""));
}

Row row_of(const JsonValue& one) {
  auto text = [&](std::string_view name) { return text_of(one, name); };
  return {text("request_id"), text("kind"),       text("route"),       text("client"), text("subject"),
          text("consumer"),   text("credential"), text("age_seconds"), text("request_bytes") + '/' + text("response_bytes")};
}

/// gives: false when that is no answer of a gateway
bool print(const std::string& body, const ConnectionsOptions& options) {
  JsonReader reader(kPageBytesMax);
  auto page = reader.read(body);
  auto list = page ? page->member("connections") : std::nullopt;
  if (!list) return false;
  std::vector<Row> rows;
  for (JsonElements each = list->elements(); each.next();) rows.push_back(row_of(each.value()));
  if (!rows.empty()) print_table(kTitles, kNothing, rows);
  std::printf("%s %s", text_of(*page, "found").c_str(), options.close ? "closed" : "in flight");
  if (text_of(*page, "found") != std::to_string(rows.size())) std::printf(", %zu of them above", rows.size());
  std::printf("\n");
  if (std::string silent = text_of(*page, "silent_workers"); silent != "0") {
    std::fprintf(stderr, "sluice: %s workers did not answer: what they have is not counted\n", silent.c_str());
  }
  return true;
}

}  // namespace

int run_connections(const ConnectionsOptions& options) {
  auto answer = ask_control(options.control, options.close ? "POST" : "GET", target_of(options));
  if (!answer) {
    std::fprintf(stderr, "sluice: %s\n", answer.error().c_str());
    return kNoControl;
  }
  if (answer->status != 200) {
    std::fprintf(stderr, "sluice: %s\n", answer->body.c_str());
    return 1;
  }
  if (options.json) {
    std::fputs(answer->body.c_str(), stdout);
    return 0;
  }
  if (print(answer->body, options)) return 0;
  std::fprintf(stderr, "sluice: the gateway's answer is no list of connections\n");
  return 1;
}

}  // namespace sluice::cli
