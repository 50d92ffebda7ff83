// Which OpenSSL this is, for `sluice version`.
#pragma once

#include <string_view>

namespace sluice::crypto {

/// gives: "OpenSSL 3.0.19 ..."; static text
std::string_view library_version();

}  // namespace sluice::crypto
