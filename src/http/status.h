// Reason phrases of the registered status codes.
// Source: RFC 9110 section 15 and the IANA registry.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::http {

/// gives: "Not Found" for 404; empty for a code that is not registered
std::string_view reason_phrase(uint16_t status);

}  // namespace sluice::http
