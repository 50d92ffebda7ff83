// What proxies say of a client: whatever it is, an address comes of it that is trusted, or was named, or is the peer's.
#include <string>

#include "fuzz.h"
#include "proxy/forwarded.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  BlockPool blocks;
  Arena arena(blocks);
  http::Fields fields(arena);
  std::string text(text_of(data + 1, size - 1));
  for (size_t from = 0; from <= text.size();) {
    size_t end = std::min(text.find('\n', from), text.size());
    std::string_view value = arena.copy(std::string_view(text).substr(from, end - from));
    if (http::is_field_value(value)) fields.add(data[0] % 2 == 0 ? http::FieldId::forwarded : http::FieldId::x_forwarded_for, value);
    from = end + 1;
  }
  CidrSet trusted;
  trusted.add(*Cidr::parse("10.0.0.0/8"));
  IpAddress near = *IpAddress::parse("10.0.0.1"), far = *IpAddress::parse("192.0.2.1");
  proxy::ForwardedClient client = proxy::forwarded_client(fields, near, trusted);
  CLAIM(!client.ip.is_none());
  CLAIM(client.ip == near || !fields.empty());
  proxy::ForwardedClient of_stranger = proxy::forwarded_client(fields, far, trusted);
  CLAIM(of_stranger.ip == far && !of_stranger.scheme);
  return 0;
}
