#include "policy/signature/aws_signature.h"

#include <algorithm>

#include "base/text.h"
#include "policy/query.h"
#include "policy/signature/form_text.h"
#include "policy/signature/signature_problems.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

bool is_hex_hash(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f');
         });
}

/// Cuts off what is before the separator. gives: all of it when there is none, and nothing is left
std::string_view cut(std::string_view& rest, char separator) {
  size_t end = rest.find(separator);
  std::string_view taken = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
  return taken;
}

/// "AKID/20150830/us-east-1/iam/aws4_request"; an access key may have slashes in it.
bool read_credential(std::string_view text, AwsSignature& out) {
  if (text.size() > kAwsCredentialBytesMax) return false;
  size_t slash = text.size();
  for (int i = 0; i < 4; ++i) {
    if (slash == 0) return false;
    slash = text.rfind('/', slash - 1);
    if (slash == text.npos) return false;
  }
  std::string_view rest = text.substr(slash + 1);
  out.access_key = text.substr(0, slash);
  out.scope = rest;
  out.date = cut(rest, '/');
  out.region = cut(rest, '/');
  out.service = cut(rest, '/');
  return !out.access_key.empty() && out.date.size() == 8 && !out.region.empty() &&
         !out.service.empty() && rest == "aws4_request";
}

/// Lower case, in order, none twice: so there is one spelling, as AWS asks for.
bool are_signed_fields(std::string_view text) {
  size_t count = 0;
  std::string_view before;
  if (text.ends_with(';')) return false;   // a last name, which is none
  while (!text.empty()) {
    std::string_view name = cut(text, ';');
    bool lower = std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!http::is_token(name) || !lower || name <= before || ++count > kAwsSignedFieldsMax)
      return false;
    before = name;
  }
  return count > 0;
}

/// Each of the three exactly once, in any order.
bool read_authorization(std::string_view text, AwsSignature& out) {
  if (text.size() > kAwsAuthorizationBytesMax) return false;
  int seen = 0;
  while (!text.empty()) {
    std::string_view part = trim_ows(cut(text, ','));
    std::string_view name = cut(part, '=');
    int bit = name == "Credential" ? 1 : name == "SignedHeaders" ? 2 : name == "Signature" ? 4 : 0;
    if (bit == 0 || (seen & bit) != 0) return false;
    seen |= bit;
    if (bit == 1 && !read_credential(part, out)) return false;
    if (bit == 2) out.signed_fields = part;
    if (bit == 4) out.signature = part;
  }
  return seen == 7;
}

bool read_expires(std::string_view text, AwsSignature& out) {
  std::optional<uint64_t> seconds = parse_decimal(text);
  if (!seconds || *seconds == 0 || *seconds > kAwsExpiresMax) return false;
  out.expires = std::chrono::seconds(*seconds);
  return true;
}

/// The parameters of a presigned URL, each exactly once.
bool read_query(std::string_view query, AwsSignature& out) {
  constexpr std::string_view kNames[] = {"X-Amz-Algorithm",     "X-Amz-Credential", "X-Amz-Date",
                                         "X-Amz-Expires",       "X-Amz-Signature",
                                         "X-Amz-SignedHeaders"};
  std::string values[std::size(kNames)];
  int counts[std::size(kNames)] = {};
  size_t all = 0;
  each_query_parameter(query, [&](const QueryParameter& parameter) {
    auto found = std::ranges::find(kNames, parameter.name);
    if (++all > kAwsQueryParametersMax || found == std::end(kNames)) return;
    auto index = static_cast<size_t>(found - std::begin(kNames));
    ++counts[index];
    values[index] = percent_decoded(parameter.value);
  });
  if (all > kAwsQueryParametersMax ||
      std::ranges::any_of(counts, [](int count) { return count != 1; }))
    return false;
  out.time = values[2];
  out.signature = values[4];
  out.signed_fields = values[5];
  return values[0] == kAlgorithm && read_credential(values[1], out) && read_expires(values[3], out);
}

bool is_payload_hash(std::string_view text) {
  return text.empty() || text == kAwsUnsignedPayload || is_hex_hash(text);
}

size_t count_of(const http::Head& head, std::string_view name) {
  return static_cast<size_t>(std::ranges::count_if(head.fields, [&](const http::Field& field) {
    return equals_ignore_case(field.name(), name);
  }));
}

bool read_fields(const http::Head& head, AwsSignature& out) {
  if (count_of(head, "x-amz-content-sha256") > 1 || count_of(head, "x-amz-date") > 1) return false;
  out.payload_hash = trim_ows(head.fields.get("x-amz-content-sha256").value_or(""));
  if (!out.is_presigned) out.time = trim_ows(head.fields.get("x-amz-date").value_or(""));
  // Other services sign the hash of the body, which is nothing.
  if (out.is_presigned && out.payload_hash.empty() && out.service == "s3")
    out.payload_hash = kAwsUnsignedPayload;
  return is_payload_hash(out.payload_hash);
}

}  // namespace

std::optional<WallTime> parse_aws_time(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  for (size_t i = 0; i < 15; ++i) {
    if (i != 8 && !is_digit(text[i])) return std::nullopt;
  }
  auto number = [&](size_t at, size_t size) {
    return static_cast<unsigned>(*parse_decimal(text.substr(at, size)));
  };
  using namespace std::chrono;
  year_month_day day{year(static_cast<int>(number(0, 4))), month(number(4, 2)),
                     std::chrono::day(number(6, 2))};
  unsigned hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  if (!day.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return WallTime(sys_days(day) + hours(hour) + minutes(minute) + seconds(second));
}

const http::Problem* read_aws_signature(const http::Head& head, AwsSignature& out) {
  TargetParts target = split_target(head);
  std::string_view authorization =
      trim_ows(head.fields.get(http::FieldId::authorization).value_or(""));
  bool in_field = authorization.starts_with(kAlgorithm);
  bool in_query = false;
  each_query_parameter(target.query, [&](const QueryParameter& parameter) {
    in_query |= parameter.name == "X-Amz-Signature";
  });
  out.is_there = in_field || in_query;
  out.is_presigned = in_query;
  if (!out.is_there) return nullptr;
  // Two would leave open which is meant.
  if ((in_field && in_query) || head.fields.count(http::FieldId::authorization) > 1)
    return &kSignatureMalformed;
  bool read = in_query ? read_query(target.query, out)
                       : authorization.substr(kAlgorithm.size()).starts_with(' ') &&
                             read_authorization(authorization.substr(kAlgorithm.size()), out);
  if (!read || !read_fields(head, out) || !are_signed_fields(out.signed_fields) ||
      !is_hex_hash(out.signature))
    return &kSignatureMalformed;
  std::optional<WallTime> at = parse_aws_time(out.time);
  if (!at || !out.time.starts_with(out.date)) return &kSignatureMalformed;
  out.at = *at;
  return nullptr;
}

}  // namespace sluice::policy
