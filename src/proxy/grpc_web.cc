#include "proxy/grpc_web.h"

#include <algorithm>

#include "base/text.h"
#include "http/rules.h"
#include "proxy/problems.h"

namespace sluice::proxy {

using http::End;
using http::FieldId;
using policy::Verdict;

namespace {

bool accepts(std::string_view accept, std::string_view which) {
  bool found = false;
  each_list_element(accept, [&](std::string_view element) {
    std::string_view format;
    found |= http::is_grpc_type(element, which, format);
    return !found;
  });
  return found;
}

std::string_view type_of(const http::Head& message) { return message.fields.get(FieldId::content_type).value_or(""); }

}  // namespace

bool is_grpc_web_text(const http::Head& request) {
  std::string_view format;
  return http::is_grpc_type(type_of(request), kGrpcWebTextType, format);
}

GrpcForm grpc_web_form(const http::Head& request) {
  std::string_view format;
  bool text = is_grpc_web_text(request);
  if (!text && !http::is_grpc_type(type_of(request), kGrpcWebType, format)) return GrpcForm::none;
  std::string_view accept = request.fields.get(FieldId::accept).value_or("");
  if (accepts(accept, kGrpcWebTextType)) return GrpcForm::web_text;
  return text && !accepts(accept, kGrpcWebType) ? GrpcForm::web_text : GrpcForm::web;
}

void make_grpc(http::Head& request) {
  std::string_view type = type_of(request), format;
  if (http::is_grpc_type(type, kGrpcWebTextType, format)) {
    request.content_length.reset();
    request.body = http::Body::streamed;
  } else if (!http::is_grpc_type(type, kGrpcWebType, format)) {
    return;
  }
  http::Fields& fields = request.fields;
  fields.set(FieldId::content_type, fields.arena().join(http::kGrpcType, format));
  fields.remove(FieldId::accept);
  fields.remove("x-grpc-web");
  fields.remove("x-user-agent");
  request.takes_trailers = true;
}

void make_grpc_web(GrpcForm form, http::Head& response) {
  std::string_view format;
  http::is_grpc_type(type_of(response), http::kGrpcType, format);
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
