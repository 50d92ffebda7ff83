// What is wrong with a message in HTTP/2 only; the rest is as in h1_problems.h. Only the stream ends.
#pragma once

#include "http/problem.h"

namespace sluice::http {

inline constexpr Problem kBadPseudoField{
    400, "bad_pseudo_field", "Malformed pseudo-header",
    "A request begins with :method, :scheme and :path, and :authority or host, each once; a trailer "
    "has none."};
inline constexpr Problem kUpperCaseName{
    400, "upper_case_name", "Field name in upper case",
    "Field names are in lower case in HTTP/2."};
inline constexpr Problem kConnectionField{
    400, "connection_field", "Connection-specific field",
    "Connection, Keep-Alive, Proxy-Connection, Transfer-Encoding and Upgrade mean nothing in HTTP/2, "
    "and TE may only say trailers."};
inline constexpr Problem kProtocolUnknown{
    501, "protocol_unknown", "Not Implemented",
    "The only :protocol of an extended CONNECT that is known here is websocket, and only on paths that "
    "are for WebSockets."};

inline constexpr const Problem* kH2Problems[] = {&kBadPseudoField, &kUpperCaseName, &kConnectionField,
                                                 &kProtocolUnknown};

}  // namespace sluice::http
