#include "admin/in_flight_page.h"

#include <algorithm>

#include "admin/json_text.h"
#include "observe/time_text.h"
#include "policy/query.h"
#include "policy/signature/form_text.h"

namespace sluice::admin {
namespace {

using proxy::InFlightQuery;
using proxy::InFlightRow;

struct TextName {
  std::string_view name;
  std::string InFlightQuery::*member;
};
constexpr TextName kTexts[] = {{"route", &InFlightQuery::route},
                               {"subject", &InFlightQuery::subject},
                               {"consumer", &InFlightQuery::consumer},
                               {"credential", &InFlightQuery::credential},
                               {"request_id", &InFlightQuery::request_id}};

/// errors: what is wrong with it; "" when nothing is
std::string read_parameter(const policy::QueryParameter& parameter, InFlightQuery& out) {
  std::string value = policy::percent_decoded(parameter.value);
  if (parameter.name == "rows") {
    auto rows = parse_decimal(value);
    if (!rows || *rows > kInFlightRowsMax) return "rows: a number up to " + std::to_string(kInFlightRowsMax);
    out.rows_max = static_cast<size_t>(*rows);
    return {};
  }
  auto known = std::find_if(std::begin(kTexts), std::end(kTexts), [&](const TextName& one) { return one.name == parameter.name; });
  if (known == std::end(kTexts)) return "unknown parameter: " + printable(parameter.name, 40);
  if (value.empty()) return std::string(known->name) + ": empty";
  out.*known->member = std::move(value);
  return {};
}

void write_row(JsonText& json, const InFlightRow& row, observe::TimeText& texts) {
  json.object().text("kind", row.socket ? "websocket" : "request").text("request_id", row.request_id);
  char began[observe::TimeText::kBytes];
  texts.write(began, row.began);
  json.text("began", {began, sizeof(began)});
  json.number("age_seconds", static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(row.age).count()));
  json.text("client", row.client.to_string());
  const std::pair<std::string_view, const std::string*> texts_of[] = {
      {"listener", &row.listener}, {"method", &row.method},     {"authority", &row.authority}, {"path", &row.path},
      {"route", &row.route},       {"upstream", &row.upstream}, {"endpoint", &row.endpoint},   {"auth", &row.authenticator},
      {"subject", &row.subject},   {"consumer", &row.consumer}, {"credential", &row.credential}};
  for (const auto& [name, text] : texts_of) {
    if (!text->empty()) json.text(name, *text);
  }
  json.number("request_bytes", row.request_bytes).number("response_bytes", row.response_bytes).end_object();
}

}  // namespace

Result<InFlightQuery, std::string> read_in_flight_query(std::string_view query) {
  InFlightQuery out;
  out.rows_max = kInFlightRows;
  std::string fault;
  policy::each_query_parameter(query, [&](const policy::QueryParameter& parameter) {
    if (fault.empty()) fault = read_parameter(parameter, out);
  });
  if (!fault.empty()) return fault;
  return out;
}

std::string in_flight_page(const proxy::InFlightReport& report, size_t silent) {
  JsonText json;
  observe::TimeText texts;
  json.object().number("found", report.found).number("silent_workers", silent).array("connections");
  for (const InFlightRow& row : report.rows) write_row(json, row, texts);
  return json.end_array().end_object().take() + '\n';
}

}  // namespace sluice::admin
