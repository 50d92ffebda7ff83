// The canonical request of AWS's Signature Version 4.
#include <algorithm>
#include <vector>

#include "base/text.h"
#include "policy/query.h"
#include "policy/signature/aws_signature.h"
#include "policy/signature/form_text.h"

namespace sluice::policy {
namespace {

/// As received for S3; other services' signers encode each segment once more.
void append_path(std::string_view path, std::string_view service, std::string& out) {
  if (service == "s3") {
    out += path;
    return;
  }
  constexpr char kHex[] = "0123456789ABCDEF";
  for (char c : path) {
    if (is_alpha(c) || is_digit(c) || std::string_view("/-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      out.append(1, '%').append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
}

/// Encoded, then in order of name and value. gives: false when there are too many
bool append_query(std::string_view query, std::string& out) {
  std::vector<std::pair<std::string, std::string>> all;
  size_t count = 0;
  each_query_parameter(query, [&](const QueryParameter& parameter) {
    if (parameter.whole.empty() || parameter.name == "X-Amz-Signature") return;
    if (++count > kAwsQueryParametersMax) return;
    auto& [name, value] = all.emplace_back();
    append_uri_text(parameter.name, name);
    append_uri_text(parameter.value, value);
  });
  std::ranges::sort(all);
  bool first = true;
  for (const auto& [name, value] : all) {
    if (!first) out += '&';
    first = false;
    out.append(name).append("=").append(value);
  }
  return count <= kAwsQueryParametersMax;
}

/// Trimmed, runs of spaces as one.
void append_value(std::string_view value, std::string& out) {
  bool space = false;
  for (char c : trim_ows(value)) {
    if (c == ' ' && space) continue;
    space = c == ' ';
    out += c;
  }
}

/// gives: false when the request has none of that name
bool append_field(std::string_view name, const http::Head& head, std::string& out) {
  out.append(name).append(":");
  if (name == "host" || name == "content-length") {
    auto value = whole_field(head, name, 0);
    if (value) out.append(*value).append("\n");
    return value.has_value();
  }
  bool there = false;
  for (const http::Field& field : head.fields) {
    if (!equals_ignore_case(field.name(), name)) continue;
    if (there) out += ',';
    there = true;
    append_value(field.value(), out);
  }
  out += '\n';
  return there;
}

bool is_signed(std::string_view name, std::string_view signed_fields) {
  while (!signed_fields.empty()) {
    size_t end = signed_fields.find(';');
    if (equals_ignore_case(signed_fields.substr(0, end), name)) return true;
    signed_fields = end == signed_fields.npos ? "" : signed_fields.substr(end + 1);
  }
  return false;
}

/// Host, and what changes the meaning of a request; the payload's hash is signed in a place of its
/// own.
bool signs_enough(std::string_view signed_fields, const http::Head& head) {
  if (!is_signed("host", signed_fields)) return false;
  return std::ranges::all_of(head.fields, [&](const http::Field& field) {
    return !starts_with_ignore_case(field.name(), "x-amz-") ||
           equals_ignore_case(field.name(), "x-amz-content-sha256") ||
           is_signed(field.name(), signed_fields);
  });
}

}  // namespace

bool append_aws_canonical_request(const AwsSignature& signature, const SignedMessage& message,
                                  std::string& out) {
  const http::Head& head = message.head;
  if (!signs_enough(signature.signed_fields, head)) return false;
  TargetParts target = split_target(head);
  out.append(http::method_name(head.method)).append("\n");
  append_path(target.path, signature.service, out);
  out += '\n';
  if (!append_query(target.query, out)) return false;
  out += '\n';
  for (std::string_view rest = signature.signed_fields; !rest.empty();) {
    size_t end = rest.find(';');
    if (!append_field(rest.substr(0, end), head, out)) return false;
    rest = end == rest.npos ? "" : rest.substr(end + 1);
  }
  out.append("\n").append(signature.signed_fields).append("\n").append(signature.payload_hash);
  return true;
}

}  // namespace sluice::policy
