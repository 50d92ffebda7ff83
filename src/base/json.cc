#include "base/json.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <vector>

namespace sluice {
namespace {

namespace dom = simdjson::dom;

constexpr Error kInvalid{Code::bad_value, Side::gateway, Progress::unsent, "no valid JSON"};
constexpr Error kTooDeep{Code::bad_value, Side::gateway, Progress::unsent, "JSON nested too deep"};
constexpr Error kTwice{Code::bad_value, Side::gateway, Progress::unsent,
                       "a member is named twice"};
constexpr Error kTooLarge{Code::too_large, Side::gateway, Progress::unsent, "JSON text too long"};

/// Up to here names are compared with each other; beyond they are sorted.
constexpr size_t kFewMembers = 16;

}  // namespace

struct JsonReader::Parser {
  explicit Parser(size_t bytes_max) : parser(std::max<size_t>(bytes_max, 64)) {}
  bool has_twins(dom::object object);

  dom::parser parser;
  std::vector<std::string_view> names;
};

/// The bits of a dom::element and of a JsonValue are the same: the document and a place in it.
struct JsonValue::Access {
  dom::element element;

  static dom::element of(const JsonValue& value) {
    static_assert(sizeof(JsonValue) == sizeof(dom::element));
    static_assert(std::is_trivially_copyable_v<dom::element>);
    return std::bit_cast<dom::element>(value);
  }
  static JsonValue from(const dom::element& element) { return std::bit_cast<JsonValue>(element); }
};

namespace {

static_assert(std::is_trivially_copyable_v<JsonValue>);
using MemberIterator = dom::object::iterator;
using ElementIterator = dom::array::iterator;

struct Place {
  const void* document;
  size_t index;
};
static_assert(sizeof(Place) == sizeof(ElementIterator));
static_assert(sizeof(Place) == sizeof(MemberIterator));

}  // namespace

JsonValue::Type JsonValue::type() const {
  switch (Access::of(*this).type()) {
    case dom::element_type::ARRAY: return Type::array;
    case dom::element_type::OBJECT: return Type::object;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE: return Type::number;
    case dom::element_type::STRING: return Type::string;
    case dom::element_type::BOOL: return Type::boolean;
    case dom::element_type::NULL_VALUE: return Type::null;
  }
  return Type::null;
}

std::optional<std::string_view> JsonValue::string() const {
  std::string_view text;
  if (Access::of(*this).get(text) != simdjson::SUCCESS) return std::nullopt;
  return text;
}

std::optional<bool> JsonValue::boolean() const {
  bool value = false;
  if (Access::of(*this).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<double> JsonValue::number() const {
  double value = 0;
  if (Access::of(*this).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<int64_t> JsonValue::integer() const {
  int64_t value = 0;
  if (Access::of(*this).get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<JsonValue> JsonValue::member(std::string_view name) const {
  dom::object object;
  if (Access::of(*this).get(object) != simdjson::SUCCESS) return std::nullopt;
  for (auto field : object) {
    if (field.key == name) return Access::from(field.value);
  }
  return std::nullopt;
}

JsonMembers JsonValue::members() const {
  JsonMembers members;
  dom::object object;
  if (Access::of(*this).get(object) != simdjson::SUCCESS) return members;
  auto begin = std::bit_cast<Place>(object.begin()), end = std::bit_cast<Place>(object.end());
  members.document_ = begin.document;
  members.at_ = begin.index;
  members.end_ = end.index;
  return members;
}

JsonElements JsonValue::elements() const {
  JsonElements elements;
  dom::array array;
  if (Access::of(*this).get(array) != simdjson::SUCCESS) return elements;
  auto begin = std::bit_cast<Place>(array.begin()), end = std::bit_cast<Place>(array.end());
  elements.document_ = begin.document;
  elements.at_ = begin.index;
  elements.end_ = end.index;
  return elements;
}

bool JsonMembers::next() {
  if (at_ == end_) return false;
  auto place = std::bit_cast<MemberIterator>(Place{document_, at_});
  name_ = place.key();
  value_ = JsonValue::Access::from(place.value());
  ++place;
  at_ = std::bit_cast<Place>(place).index;
  return true;
}

bool JsonElements::next() {
  if (at_ == end_) return false;
  auto place = std::bit_cast<ElementIterator>(Place{document_, at_});
  value_ = JsonValue::Access::from(*place);
  ++place;
  at_ = std::bit_cast<Place>(place).index;
  return true;
}

JsonReader::JsonReader(size_t bytes_max)
    : parser_(std::make_unique<Parser>(bytes_max)), bytes_max_(bytes_max) {}
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;
JsonReader::~JsonReader() = default;

bool JsonReader::Parser::has_twins(dom::object object) {
  names.clear();
  for (auto field : object) names.push_back(field.key);
  if (names.size() <= kFewMembers) {
    for (size_t i = 1; i < names.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (names[i] == names[j]) return true;
      }
    }
    return false;
  }
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

Result<JsonValue> JsonReader::read(std::string_view text) {
  if (text.size() > bytes_max_) return kTooLarge;
  dom::element root;
  auto failure = parser_->parser.parse(text.data(), text.size()).get(root);
  if (failure == simdjson::CAPACITY) return kTooLarge;
  if (failure != simdjson::SUCCESS) return kInvalid;
  // Depth first, over values still to be looked at; the depth that was read bounds the work.
  std::vector<std::pair<dom::element, size_t>> open{{root, 1}};
  while (!open.empty()) {
    auto [element, depth] = open.back();
    open.pop_back();
    if (depth > kDepthMax) return kTooDeep;
    dom::object object;
    dom::array array;
    auto look_at = [&, deeper = depth + 1](dom::element child) {
      if (child.is_object() || child.is_array()) open.emplace_back(child, deeper);
    };
    if (element.get(object) == simdjson::SUCCESS) {
      if (parser_->has_twins(object)) return kTwice;
      for (auto field : object) look_at(field.value);
    } else if (element.get(array) == simdjson::SUCCESS) {
      for (dom::element child : array) look_at(child);
    }
  }
  return JsonValue::Access::from(root);
}

}  // namespace sluice
