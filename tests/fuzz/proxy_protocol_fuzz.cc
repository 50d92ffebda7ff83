// PROXY headers: the verdict on the whole is the verdict on every way to cut it, and a header never
// claims more bytes than there are or than its limit.
#include "fuzz.h"
#include "net/proxy_protocol.h"

using namespace sluice::net;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes = text_of(data, size);
  ProxyOutcome whole = parse_proxy_header(bytes);
  if (whole.verdict == ProxyVerdict::need_more) CLAIM(size < kProxyHeaderBytesMax);
  bool done = whole.verdict == ProxyVerdict::done;
  size_t header = done ? whole.header.consumed : size;
  CLAIM(header <= size && (!done || header <= kProxyHeaderBytesMax));
  bool refused = false;
  for (size_t cut = 0; cut < header; ++cut) {
    ProxyVerdict verdict = parse_proxy_header(bytes.substr(0, cut)).verdict;
    CLAIM(verdict != ProxyVerdict::done);
    CLAIM(!refused || verdict == ProxyVerdict::refused);
    refused = verdict == ProxyVerdict::refused;
  }
  if (!done) {
    CLAIM(!refused || whole.verdict == ProxyVerdict::refused);
    return 0;
  }
  CLAIM(!refused);
  ProxyOutcome exact = parse_proxy_header(bytes.substr(0, header));
  CLAIM(exact.verdict == ProxyVerdict::done && exact.header.client == whole.header.client);
  CLAIM(whole.header.has_addresses() == !whole.header.destination.is_any());
  return 0;
}
