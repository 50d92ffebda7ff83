#include "proxy/grpc_web.h"

#include <algorithm>

#include "base/text.h"
#include "proxy/problems.h"

namespace sluice::proxy {

using http::End;
using http::FieldId;
using policy::Verdict;

namespace {

constexpr std::string_view kGrpc = "application/grpc";
constexpr std::string_view kWeb = "application/grpc-web";
constexpr std::string_view kText = "application/grpc-web-text";

/// gives: whether `type` is this one, with or without "+" and a format; that is put in `format` with what follows
bool is_type(std::string_view type, std::string_view which, std::string_view& format) {
  if (!starts_with_ignore_case(type, which)) return false;
  format = type.substr(which.size());
  return format.empty() || format.front() == '+' || format.front() == ';' || format.front() == ' ';
}

bool accepts(std::string_view accept, std::string_view which) {
  bool found = false;
  each_list_element(accept, [&](std::string_view element) {
    std::string_view format;
    found |= is_type(element, which, format);
    return !found;
  });
  return found;
}

std::string_view type_of(const http::Head& message) { return message.fields.get(FieldId::content_type).value_or(""); }

}  // namespace

bool is_grpc_web_text(const http::Head& request) {
  std::string_view format;
  return is_type(type_of(request), kText, format);
}

GrpcForm grpc_web_form(const http::Head& request) {
  std::string_view format;
  bool text = is_grpc_web_text(request);
  if (!text && !is_type(type_of(request), kWeb, format)) return GrpcForm::none;
  std::string_view accept = request.fields.get(FieldId::accept).value_or("");
  if (accepts(accept, kText)) return GrpcForm::web_text;
  return text && !accepts(accept, kWeb) ? GrpcForm::web_text : GrpcForm::web;
}

void make_grpc(http::Head& request) {
  std::string_view type = type_of(request), format;
  if (is_type(type, kText, format)) {
    request.content_length.reset();
    request.body = http::Body::streamed;
  } else if (!is_type(type, kWeb, format)) {
    return;
  }
  http::Fields& fields = request.fields;
  fields.set(FieldId::content_type, fields.arena().join(kGrpc, format));
  fields.remove(FieldId::accept);
  fields.remove("x-grpc-web");
  fields.remove("x-user-agent");
  request.takes_trailers = true;
}

void make_grpc_web(GrpcForm form, http::Head& response) {
  std::string_view format;
  is_type(type_of(response), kGrpc, format);
  http::Fields& fields = response.fields;
  fields.set(FieldId::content_type, fields.arena().join(grpc_content_type(form), format));
  response.content_length.reset();
}

void expose_grpc_status(http::Fields& fields) {
  if (!fields.find("access-control-allow-origin")) return;
  fields.add("Access-Control-Expose-Headers", "grpc-status, grpc-message, grpc-status-details-bin");
}

Verdict GrpcWebText::feed(Chain& bytes, End end) {
  Chain out;
  bool good = true;
  bytes.each([&](const Slice& slice) { good = good && reader_.feed(slice.view(), *blocks_, out); });
  if (!good || (end == End::yes && !reader_.whole())) return Verdict::refuse(kBadGrpcWebBody);
  bytes = std::move(out);
  return Verdict::pass();
}

Verdict GrpcWebAnswer::feed(Chain& bytes, End end) {
  if (end == End::yes && trailers_ != nullptr) http::append_trailer_frame(*trailers_, *blocks_, bytes);
  if (form_ != GrpcForm::web_text) return Verdict::pass();
  Chain out;
  http::append_base64(bytes, *blocks_, out);
  bytes = std::move(out);
  return Verdict::pass();
}

}  // namespace sluice::proxy
