#include "config/units.h"

#include <algorithm>
#include <limits>
#include <span>

#include "base/text.h"

namespace sluice::config {

namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// Largest first: printing takes the first that divides.
constexpr Unit kTimeUnits[] = {{"d", 86'400'000'000'000},
                               {"h", 3'600'000'000'000},
                               {"m", 60'000'000'000},
                               {"s", 1'000'000'000},
                               {"ms", 1'000'000},
                               {"us", 1'000},
                               {"ns", 1}};
constexpr Unit kSizeUnits[] = {
    {"TiB", 1ULL << 40}, {"GiB", 1ULL << 30}, {"MiB", 1ULL << 20}, {"KiB", 1ULL << 10}, {"B", 1}};
constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();  // 292 years, 8 EiB

std::string unit_names(std::span<const Unit> units) {
  std::string out;
  for (size_t i = units.size(); i-- > 0;)
    out += (out.empty() ? "" : " ") + std::string(units[i].name);
  return out;
}

Result<uint64_t, TextError> parse_number(std::string_view text, std::span<const Unit> units) {
  size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  auto number = parse_decimal(text.substr(0, digits));
  if (digits == 0) return TextError{"it begins with a whole number", 0};
  if (digits == text.size()) return TextError{"it ends in a unit: " + unit_names(units), 0};
  std::string_view name = text.substr(digits);
  auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  if (unit == units.end()) return TextError{"the units are " + unit_names(units), digits};
  if (!number || *number > kMax / unit->factor) return TextError{"it is too large", 0};
  return *number * unit->factor;
}

std::string print_number(uint64_t number, std::span<const Unit> units) {
  if (number == 0) return "0" + std::string(units[units.size() > 5 ? 3 : 4].name);  // "0s", "0B"
  auto unit = std::find_if(units.begin(), units.end(),
                           [&](const Unit& u) { return number % u.factor == 0; });
  return std::to_string(number / unit->factor) + std::string(unit->name);
}

}  // namespace

Result<Duration, TextError> parse_duration(std::string_view text) {
  Result<uint64_t, TextError> number = parse_number(text, kTimeUnits);
  if (!number) return number.error();
  return Duration(static_cast<int64_t>(*number));
}

Result<Bytes, TextError> parse_bytes(std::string_view text) {
  Result<uint64_t, TextError> number = parse_number(text, kSizeUnits);
  if (!number) return number.error();
  return Bytes{*number};
}

Result<Rate, TextError> parse_rate(std::string_view text) {
  constexpr std::string_view kForm = "a rate is a number, a slash and a time: 100/1m";
  size_t slash = text.find('/');
  if (slash == std::string_view::npos) return TextError{std::string(kForm), 0};
  std::string digits;
  for (size_t i = 0; i < slash; ++i) {   // "_" between digits, as TOML's own numbers have it
    bool separates = text[i] == '_' && i > 0 && is_digit(text[i - 1]) && is_digit(text[i + 1]);
    if (separates) continue;
    if (!is_digit(text[i])) return TextError{std::string(kForm), i};
    digits += text[i];
  }
  auto count = parse_decimal(digits);
  if (digits.empty()) return TextError{std::string(kForm), 0};
  if (!count || *count > kMax) return TextError{"it is too large", 0};
  if (*count == 0) return TextError{"it lets nothing through", 0};
  std::string_view time = text.substr(slash + 1);
  if (time.empty() || !is_digit(time[0])) return TextError{std::string(kForm), slash + 1};
  Result<Duration, TextError> per = parse_duration(time);
  if (!per) return TextError{per.error().why, slash + 1 + per.error().offset};
  if (*per == Duration::zero()) return TextError{"the time is not zero", slash + 1};
  return Rate{*count, *per};
}

std::string print_duration(Duration duration) {
  return print_number(static_cast<uint64_t>(duration.count()), kTimeUnits);
}

std::string print_bytes(Bytes bytes) {
  return print_number(bytes.count, kSizeUnits);
}

std::string print_rate(const Rate& rate) {
  return std::to_string(rate.count) + "/" + print_duration(rate.per);
}

}  // namespace sluice::config
