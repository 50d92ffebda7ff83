#include "policy/facts.h"

#include <array>
#include <cstring>

#include "base/text.h"
#include "policy/claim_value.h"

namespace sluice::policy {
namespace {

std::optional<std::string_view> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    size_t end = query.find('&');
    std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    return equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
  }
  return std::nullopt;
}

// An identity without a subject, or of no consumer, has no such fact.
std::optional<std::string_view> found(std::string_view value) {
  return value.empty() ? std::nullopt : std::optional(value);
}

}  // namespace

std::optional<std::string_view> fact_value(const config::Fact& fact, const Call& call) {
  using Kind = config::Fact::Kind;
  const http::Head& request = call.request();
  const Identity* identity = call.identity();
  switch (fact.kind) {
    case Kind::ip: {
      if (call.client().ip.is_none()) return std::nullopt;
      char* out = call.arena().text(IpAddress::kTextMax);
      return std::string_view(out, static_cast<size_t>(call.client().ip.write(out) - out));
    }
    case Kind::route: return call.route();
    case Kind::host: return request.host;
    case Kind::method: return http::method_name(request.method);
    case Kind::path:
      for (const Param& param : call.params()) {
        if (param.name == fact.name) return param.value;
      }
      return std::nullopt;
    case Kind::header: return request.fields.get(fact.name);
    case Kind::query: return query_value(request.query, fact.name);
    case Kind::identity: return identity ? found(identity->subject) : std::nullopt;
    case Kind::consumer: return identity ? found(identity->consumer) : std::nullopt;
    case Kind::claim:
      if (std::optional<Claim> claim = identity ? claim_value(*identity, fact.name) : std::nullopt) return claim->value;
      return std::nullopt;
  }
  return std::nullopt;
}

Template::Template(const config::Template& source) {
  std::string literal;
  for (const config::TemplatePart& part : source.parts) {
    literal += part.literal;
    if (!part.has_fact) continue;
    parts_.push_back({std::move(literal), part.fact});
    literal.clear();
  }
  tail_ = std::move(literal);
}

std::optional<std::string_view> Template::render(const Call& call) const& {
  if (parts_.empty()) return std::string_view(tail_);   // the route outlives the request
  auto* values = call.arena().array<std::string_view>(parts_.size());
  size_t size = tail_.size();
  for (size_t i = 0; i < parts_.size(); ++i) {
    std::optional<std::string_view> value = fact_value(parts_[i].fact, call);
    if (!value || trim_ows(*value).size() != value->size()) return std::nullopt;
    values[i] = *value;
    size += parts_[i].literal.size() + value->size();
  }
  char* text = call.arena().text(size);
  char* out = text;
  auto put = [&out](std::string_view piece) {
    if (!piece.empty()) std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  };
  for (size_t i = 0; i < parts_.size(); ++i) {
    put(parts_[i].literal);
    put(values[i]);
  }
  put(tail_);
  return std::string_view(text, size);
}

}  // namespace sluice::policy
