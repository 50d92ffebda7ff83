#include "config/schema.h"

#include <limits>

#include "base/text.h"
#include "config/reader.h"

namespace sluice::config {

namespace {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  append_json(out, text);
  return out + "\"";
}

// Any string may come from the environment, whatever its form afterwards.
constexpr std::string_view kFromEnvironment = R"({"type": "string", "pattern": "\\$\\{"})";

class Schema {
 public:
  std::string of(const Type& type, const Field* field) {
    switch (type.form) {
      case Type::Form::boolean:
        return R"({"type": "boolean"})";
      case Type::Form::integer:
        return integer(type, field);
      case Type::Form::text:
        return type.schema.empty() ? text(type) : std::string(type.schema);
      case Type::Form::list: {
        std::string element = of(*type.element, field);
        return "{\"anyOf\": [" + element + ", {\"type\": \"array\", \"items\": " + element + "}]}";
      }
      case Type::Form::table:
        return table(type);
      case Type::Form::map:
        return R"({"type": "object", "additionalProperties": )" + of(*type.element, field) + "}";
      case Type::Form::sections:
        return R"({"type": "object", "propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,)" +
               std::to_string(kNameBytesMax) + R"(}$"}, "additionalProperties": )" +
               of(*type.element, field) + "}";
    }
    return "{}";
  }

 private:
  static std::string choices(const Type& type) {
    std::string out = "{\"enum\": [";
    for (size_t i = 0; i < type.choices.size(); ++i)
      out += (i > 0 ? ", " : "") + json_string(type.choices[i]);
    return out + "]}";
  }

  static std::string integer(const Type& type, const Field* field) {
    std::string out = "{\"type\": \"integer\"";
    if (field != nullptr) {
      out += ", \"minimum\": " + std::to_string(field->range.min);
      if (field->range.max != std::numeric_limits<int64_t>::max()) {
        out += ", \"maximum\": " + std::to_string(field->range.max);
      }
    }
    out += "}";
    return type.choices.empty() ? out : "{\"anyOf\": [" + choices(type) + ", " + out + "]}";
  }

  static std::string text(const Type& type) {
    if (!type.choices.empty())
      return "{\"anyOf\": [" + choices(type) + ", " + std::string(kFromEnvironment) + "]}";
    if (type.pattern.empty()) return R"({"type": "string"})";
    std::string pattern = R"({"type": "string", "pattern": )" +
                          json_string("^" + std::string(type.pattern) + "$") + "}";
    return "{\"anyOf\": [" + pattern + ", " + std::string(kFromEnvironment) + "]}";
  }

  std::string table(const Type& type) {
    std::string properties, required, bare;
    for (const Field& field : type.fields()) {
      if (field.need == Need::later) continue;
      std::string schema = of(*field.type, &field);
      if (field.name == type.bare) bare = schema;
      schema.insert(1, "\"description\": " + json_string(field.about) + ", ");
      properties += (properties.empty() ? "" : ",\n") + json_string(field.name) + ": " + schema;
      if (field.need == Need::required)
        required += (required.empty() ? "" : ", ") + json_string(field.name);
    }
    std::string out =
        "{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {\n" + properties +
        "}";
    if (!required.empty()) out += ", \"required\": [" + required + "]";
    out += "}";
    return bare.empty() ? out : "{\"anyOf\": [" + bare + ", " + out + "]}";
  }
};

}  // namespace

std::string json_schema(const Type& root) {
  std::string out = Schema().of(root, nullptr);
  out.insert(1,
             "\"$schema\": \"http://json-schema.org/draft-07/schema#\", \"title\": \"Sluice\", ");
  return out + "\n";
}

}  // namespace sluice::config
