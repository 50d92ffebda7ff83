#include "policy/cors/cors.h"

#include <algorithm>
#include <chrono>

#include "base/text.h"

namespace sluice::policy {

using http::FieldId;

namespace {

constexpr std::string_view kResponsePrefix = "Access-Control-";
// Of a preflight: what all its answers depend on, for caches that keep answers to OPTIONS.
constexpr std::string_view kPreflightVary =
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network";

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

bool varies_by_origin(const http::Fields& fields) {
  bool found = false;
  for (const http::Field& field : fields) {
    if (field.id != FieldId::vary) continue;
    each_list_element(field.value(), [&](std::string_view element) {
      found |= element == "*" || equals_ignore_case(element, "origin");
      return !found;
    });
  }
  return found;
}

/// What is found out of a request before later policies change it.
struct Asked {
  bool preflight = false;
  std::string_view allowed;   // Access-Control-Allow-Origin; empty: none
};

/// The list of Access-Control-Request-Headers, when every element is a field's name.
std::string_view asked_headers(const http::Fields& fields) {
  std::string_view list = fields.get(FieldId::access_control_request_headers).value_or("");
  bool good = true;
  each_list_element(list, [&](std::string_view name) { return good = http::is_token(name); });
  return good ? list : std::string_view{};
}

}  // namespace

Cors::Cors(std::string name, const CorsConfig& config, std::string methods)
    : name_(std::move(name)), origins_(config.origins), methods_(std::move(methods)),
      headers_(joined(config.headers)), expose_(joined(config.expose)),
      max_age_(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(config.max_age).count())),
      any_header_(std::ranges::find(config.headers, "*") != config.headers.end()),
      credentials_(config.credentials), private_network_(config.private_network) {
  for (const auto& origin : config.origins)
    origins_text_ += (origins_text_.empty() ? "" : ", ") + origin.value.text;
}

std::string Cors::describe() const {
  std::string out = name_ + " (" + methods_ + " for pages of " + origins_text_;
  return out + (credentials_ ? ", with credentials)" : ")");
}

std::string_view Cors::allowed_origin(const http::Head& request) const {
  const http::Field* origin = request.fields.find(FieldId::origin);
  if (origin == nullptr || request.fields.count(FieldId::origin) != 1) return {};
  if (origins_.any()) return "*";   // never with credentials: config_check saw to it
  return origins_.allows(origin->value()) ? origin->value() : std::string_view{};
}

void Cors::allow(std::string_view origin, http::Fields& fields) const {
  fields.add("Access-Control-Allow-Origin", origin);
  if (credentials_) fields.add("Access-Control-Allow-Credentials", "true");
}

void Cors::answer_preflight(const http::Head& request, Arena& arena, http::Fields& fields) const {
  fields.add(FieldId::vary, kPreflightVary);
  std::string_view origin = allowed_origin(request);
  if (origin.empty()) return;
  allow(origin, fields);
  fields.add("Access-Control-Allow-Methods", methods_);
  // "*" of the answer leaves out Authorization, and means nothing beside credentials: what was asked is said instead.
  std::string_view headers = any_header_ ? arena.copy(asked_headers(request.fields)) : std::string_view(headers_);
  if (!headers.empty()) fields.add("Access-Control-Allow-Headers", headers);
  fields.add("Access-Control-Max-Age", max_age_);
  bool asks = request.fields.get("Access-Control-Request-Private-Network") == "true";
  if (asks && private_network_) fields.add("Access-Control-Allow-Private-Network", "true");
}

Verdict Cors::on_request(Call& call) const {
  Arena& arena = call.arena();
  const http::Head& request = call.request();
  bool preflight = is_preflight(request);
  auto* asked = arena.make<Asked>(Asked{preflight, allowed_origin(request)});
  call.scratch() = asked;
  bool page_upgrades = !request.upgrade.empty() && request.fields.has(FieldId::origin);
  if (page_upgrades && asked->allowed.empty()) {
    call.findings().rule = name_;
    return Verdict::refuse(kOriginDenied);
  }
  if (!preflight) return Verdict::pass();
  auto* head = arena.make<http::Head>(arena);
  head->status = 204;
  answer_preflight(request, arena, head->fields);
  return Verdict::reply(*arena.make<Reply>(Reply{head, {}}));
}

void Cors::on_response(Call& call, http::Head& response) const {
  const auto* asked = static_cast<const Asked*>(call.scratch());   // null: refused before it came here
  if (asked != nullptr && asked->preflight) return;
  http::Fields& fields = response.fields;
  if (fields.present().has(FieldId::other)) {
    fields.remove_if([](const http::Field& field) {
      return field.id == FieldId::other && starts_with_ignore_case(field.name(), kResponsePrefix);
    });
  }
  if (!origins_.any() && !varies_by_origin(fields)) fields.add(FieldId::vary, "Origin");
  std::string_view origin = asked != nullptr ? asked->allowed : allowed_origin(call.request());
  if (origin.empty()) return;
  allow(origin, fields);
  if (!expose_.empty()) fields.add("Access-Control-Expose-Headers", expose_);
}

}  // namespace sluice::policy
