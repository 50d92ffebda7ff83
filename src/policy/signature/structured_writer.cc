// The serializer of structured fields: every value has one spelling, which is what signatures
// cover.
#include "base/base64.h"
#include "policy/signature/structured_field.h"

namespace sluice::policy {
namespace {

void append_decimal(int64_t thousandths, std::string& out) {
  if (thousandths < 0) out += '-';
  uint64_t value = static_cast<uint64_t>(thousandths < 0 ? -thousandths : thousandths);
  std::string digits = std::to_string(value % 1000 + 1000).substr(1);
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  out.append(std::to_string(value / 1000)).append(1, '.').append(digits);
}

void append_string(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_with_comma(bool first, std::string& out) {
  if (!first) out += ", ";
}

}  // namespace

void append_bare_item(const BareItem& item, std::string& out) {
  using Kind = BareItem::Kind;
  switch (item.kind) {
    case Kind::integer: out += std::to_string(item.number); return;
    case Kind::date: out.append("@").append(std::to_string(item.number)); return;
    case Kind::decimal: append_decimal(item.number, out); return;
    case Kind::string: append_string(item.text, out); return;
    case Kind::token: out += item.text; return;
    case Kind::boolean: out += item.number == 0 ? "?0" : "?1"; return;
    case Kind::bytes:
      out += ':';
      append_base64(item.text, out);
      out += ':';
      return;
  }
}

void append_parameters(Parameters parameters, std::string& out) {
  for (const Parameter& parameter : parameters) {
    out.append(1, ';').append(parameter.name);
    if (parameter.value.is_true()) continue;
    out += '=';
    append_bare_item(parameter.value, out);
  }
}

void append_item(const StructuredItem& item, std::string& out) {
  append_bare_item(item.value, out);
  append_parameters(item.parameters, out);
}

void append_member_value(const Member& member, std::string& out) {
  if (member.is_list) {
    out += '(';
    bool first = true;
    for (const StructuredItem& item : member.items) {
      if (!first) out += ' ';
      first = false;
      append_item(item, out);
    }
    out += ')';
  } else {
    append_bare_item(member.value, out);
  }
  append_parameters(member.parameters, out);
}

void append_dictionary(Members members, std::string& out) {
  for (const Member& member : members) {
    append_with_comma(&member == members.data(), out);
    out += member.key;
    if (!member.is_list && member.value.is_true()) {
      append_parameters(member.parameters, out);
    } else {
      out += '=';
      append_member_value(member, out);
    }
  }
}

void append_list(Members members, std::string& out) {
  for (const Member& member : members) {
    append_with_comma(&member == members.data(), out);
    append_member_value(member, out);
  }
}

}  // namespace sluice::policy
