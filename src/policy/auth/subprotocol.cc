#include "policy/auth/subprotocol.h"

#include "base/text.h"

namespace sluice::policy {

using http::Field;
using http::FieldId;

namespace {

// They are tokens (RFC 6455 section 4.1): a quote is nothing special, and hides no comma.
template <class Visit>
void each_subprotocol(const http::Fields& fields, Visit visit) {
  for (const Field& field : fields) {
    if (field.id != FieldId::sec_websocket_protocol) continue;
    for (std::string_view rest = field.value(); !rest.empty();) {
      size_t end = rest.find(',');
      std::string_view element = trim_ows(rest.substr(0, end));
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      if (!element.empty()) visit(element);
    }
  }
}

}  // namespace

Subprotocol::Given Subprotocol::find(const http::Head& request) const {
  Given given;
  if (empty() || request.upgrade.empty()) return given;
  each_subprotocol(request.fields, [&](std::string_view element) {
    if (!element.starts_with(prefix_)) return;
    given.credential = element.substr(prefix_.size());
    ++given.count;
  });
  return given;
}

bool Subprotocol::remove(http::Head& request, Arena& arena) const {
  if (empty() || !request.fields.has(FieldId::sec_websocket_protocol)) return false;
  size_t bytes = 0;
  bool there = false;
  auto ours = [this](std::string_view element) { return starts_with_ignore_case(element, prefix_); };
  each_subprotocol(request.fields, [&](std::string_view element) {
    there |= ours(element);
    bytes += element.size() + 2;
  });
  if (!there) return false;
  char* text = arena.text(bytes);
  size_t size = 0;
  each_subprotocol(request.fields, [&](std::string_view element) {
    if (ours(element)) return;
    if (size > 0) size += std::string_view(", ").copy(text + size, 2);
    size += element.copy(text + size, element.size());
  });
  if (size == 0) {
    request.fields.remove(FieldId::sec_websocket_protocol);
  } else {
    request.fields.set(FieldId::sec_websocket_protocol, {text, size});
  }
  return true;
}

void Subprotocol::clean(http::Head& response) const {
  if (empty()) return;
  std::string_view chosen = response.fields.get(FieldId::sec_websocket_protocol).value_or("");
  if (starts_with_ignore_case(chosen, prefix_)) response.fields.remove(FieldId::sec_websocket_protocol);
}

}  // namespace sluice::policy
