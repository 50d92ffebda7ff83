#include "base/error.h"

namespace sluice {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::none: return "none";
    case Code::closed: return "closed";
    case Code::reset: return "reset";
    case Code::connect_refused: return "connect_refused";
    case Code::connect_timeout: return "connect_timeout";
    case Code::connect_failed: return "connect_failed";
    case Code::resolve_failed: return "resolve_failed";
    case Code::timeout: return "timeout";
    case Code::stalled: return "stalled";
    case Code::tls_failed: return "tls_failed";
    case Code::client_certificate: return "client_certificate";
    case Code::not_taken: return "not_taken";
    case Code::truncated: return "truncated";
    case Code::proxy_protocol: return "proxy_protocol";
    case Code::bad_message: return "bad_message";
    case Code::bad_value: return "bad_value";
    case Code::too_large: return "too_large";
    case Code::unsupported: return "unsupported";
    case Code::cancelled: return "cancelled";
    case Code::overloaded: return "overloaded";
    case Code::no_endpoint: return "no_endpoint";
    case Code::internal: return "internal";
  }
  return "none";
}

}  // namespace sluice
