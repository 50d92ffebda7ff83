// Responses: whole and in pieces the same verdict, and no framing but those that RFC 9112
// section 6.3 knows.
#include "base/text.h"
#include "fuzz.h"
#include "http/rules.h"
#include "../unit/http/messages.h"

using namespace sluice;
using namespace sluice::http;

namespace {

void check(const Message& message, Method method) {
  const Head& head = message.head;
  CLAIM(head.status >= 100 && head.status <= 999);
  CLAIM(head.version == Version::h1_0 || head.version == Version::h1_1);
  bool bodiless =
      head.status < 200 || head.status == 204 || head.status == 304 || method == Method::head;
  CLAIM(bodiless == (head.body == Body::none));
  CLAIM(head.body != Body::length || head.content_length.has_value());
  CLAIM(head.body != Body::streamed || head.version == Version::h1_1);
  CLAIM(head.body != Body::to_close || !head.keep_alive);
  CLAIM(is_field_value(head.reason));
  for (const Field& field : head.fields) {
    CLAIM(!is_hop_by_hop(field.id) && is_token(field.name()) && is_field_value(field.value()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes = text_of(data, size);
  for (Method method : {Method::get, Method::head}) {
    BlockPool pool;
    Message whole(pool);
    drive_response(bytes, 0, method, whole);
    for (size_t step : {size_t{1}, size_t{2}, size_t{data[size / 2]} + 1}) {
      BlockPool other_pool;
      Message cut(other_pool);
      drive_response(bytes, step, method, cut);
      CLAIM(cut.verdict() == whole.verdict() && cut.body == whole.body);
    }
    if (whole.complete) check(whole, method);
  }
  return 0;
}
