// Requests: whole and in pieces the same verdict; what is accepted, written anew from its normal
// form, is read by llhttp and by ourselves as the same request with the same borders (no room for
// smuggling).
#include <llhttp.h>

#include <string>

#include "base/text.h"
#include "fuzz.h"
#include "http/rules.h"
#include "../unit/http/messages.h"

using namespace sluice;
using namespace sluice::http;

namespace {

/// The request as a gateway would send it on, as plainly as can be.
std::string written(const Message& message) {
  const Head& head = message.head;
  std::string out(method_name(head.method));
  out += ' ';
  out += head.path;
  if (head.has_query) (out += '?') += head.query;
  out += " HTTP/1.1\r\nHost: ";
  out += head.authority.empty() ? "none" : head.authority;
  out += "\r\n";
  for (const Field& field : head.fields) {
    out += field.name();
    out += ": ";
    out += field.value();
    out += "\r\n";
  }
  if (head.body != Body::none)
    out += "Content-Length: " + std::to_string(message.body.size()) + "\r\n";
  return out + "\r\n" + message.body;
}

int count_message(llhttp_t* parser) {
  ++*static_cast<int*>(parser->data);
  return HPE_PAUSED;
}

/// llhttp sees exactly one message, which ends where `bytes` end.
bool is_one_message(std::string_view bytes) {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t out{};
    out.on_message_complete = count_message;
    return out;
  }();
  llhttp_t parser;
  int messages = 0;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = &messages;
  llhttp_errno_t error = llhttp_execute(&parser, bytes.data(), bytes.size());
  return error == HPE_PAUSED && messages == 1 &&
         llhttp_get_error_pos(&parser) == bytes.data() + bytes.size();
}

bool same(const Fields& a, const Fields& b) {
  if (a.size() != b.size()) return false;
  for (const Field *left = a.begin(), *right = b.begin(); left != a.end(); ++left, ++right) {
    if (left->name() != right->name() || left->value() != right->value()) return false;
  }
  return true;
}

void check_normal_form(const Message& message, const H1Limits& limits) {
  for (const Field& field : message.head.fields) {
    CLAIM(!is_hop_by_hop(field.id) && is_token(field.name()) && is_field_value(field.value()));
  }
  std::string bytes = written(message);
  CLAIM(is_one_message(bytes));
  BlockPool pool;
  Message again(pool);
  drive_request(bytes, 0, limits, again);
  CLAIM(again.complete && again.used == bytes.size());
  CLAIM(again.head.method == message.head.method && again.head.path == message.head.path);
  CLAIM(again.head.query == message.head.query && again.body == message.body);
  CLAIM(same(again.head.fields, message.head.fields));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes = text_of(data, size);
  // Room to spare, so that what is written anew is never over a limit that the original kept.
  H1Limits limits{.headers_max = 200};
  H1Limits tight{
      .line_bytes_max = 64, .header_bytes_max = 128, .headers_max = 6, .body_bytes_max = 32};
  for (const H1Limits& chosen : {limits, tight}) {
    BlockPool pool;
    Message whole(pool);
    drive_request(bytes, 0, chosen, whole);
    for (size_t step : {size_t{1}, size_t{2}, size_t{data[size / 2]} + 1}) {
      BlockPool other_pool;
      Message cut(other_pool);
      drive_request(bytes, step, chosen, cut);
      CLAIM(cut.verdict() == whole.verdict() && cut.body == whole.body);
      CLAIM(same(cut.head.fields, whole.head.fields));
    }
    if (whole.complete && chosen.headers_max == limits.headers_max) {
      check_normal_form(
          whole, {.line_bytes_max = 1 << 20, .header_bytes_max = 1 << 20, .headers_max = 400});
    }
  }
  return 0;
}
