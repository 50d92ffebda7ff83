#include "policy/limit/limit_fields.h"

#include <cstring>

#include "base/text.h"

namespace sluice::policy {
namespace {

using http::FieldId;

constexpr size_t kDigitsMax = 20;

uint64_t seconds_up(Duration duration) {
  return static_cast<uint64_t>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

std::string_view decimal(Arena& arena, uint64_t number) {
  char* text = arena.text(kDigitsMax);
  char* end = write_decimal(text, number);
  arena.shrink(end);
  return {text, static_cast<size_t>(end - text)};
}

// "per_user";r=12;t=3
std::string_view standing_item(Arena& arena, std::string_view name, const Standing& standing) {
  constexpr size_t kRest = 2 + 3 + 3 + 2 * kDigitsMax;
  char* text = arena.text(name.size() + kRest);
  char* out = put(text, "\"");
  out = put(put(out, name), "\";r=");
  out = write_decimal(out, standing.remaining);
  if (standing.more > Duration::zero()) out = write_decimal(put(out, ";t="), seconds_up(standing.more));
  arena.shrink(out);
  return {text, static_cast<size_t>(out - text)};
}

bool tells_of_limits(const http::Field& field) {
  if (field.id != FieldId::other) return false;
  std::string_view name = field.name();
  return starts_with_ignore_case(name, "ratelimit") || starts_with_ignore_case(name, "x-ratelimit-");
}

}  // namespace

void add_limit_fields(const LimitReport& report, std::string_view policies, http::Head& response) {
  http::Fields& fields = response.fields;
  Arena& arena = fields.arena();
  if (report.retry > Duration::zero()) fields.set(FieldId::retry_after, decimal(arena, seconds_up(report.retry)));
  if (policies.empty() && report.retry == Duration::zero()) return;
  if (fields.has(FieldId::other)) fields.remove_if(tells_of_limits);
  auto add = [&fields](std::string_view name, std::string_view value) { fields.add(FieldId::other, name, value); };
  if (!policies.empty()) add("RateLimit-Policy", policies);
  if (report.tightest == nullptr || report.tightest->policy_item().empty()) return;
  const Standing& standing = report.standing;
  add("RateLimit", standing_item(arena, report.tightest->name(), standing));
  add("X-RateLimit-Limit", decimal(arena, report.tightest->rule().most));
  add("X-RateLimit-Remaining", decimal(arena, standing.remaining));
  if (!report.tightest->counts_in_flight()) add("X-RateLimit-Reset", decimal(arena, seconds_up(standing.whole)));
}

}  // namespace sluice::policy
