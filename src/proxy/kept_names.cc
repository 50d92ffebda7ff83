#include "proxy/kept_names.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::proxy {
namespace {

constexpr size_t kLong = 3;    // the first texts may be long; two bytes say how long
constexpr size_t kShort = 8;   // of the others one does
using Texts = std::array<std::string_view, kLong + kShort>;
using OutTexts = std::array<std::string_view*, kLong + kShort>;

std::string_view address_bytes(const IpAddress& ip) {
  size_t size = ip.is_v4() ? 4 : ip.is_v6() ? 16 : 0;
  return {reinterpret_cast<const char*>(ip.bytes().data()), size};
}

IpAddress address_from(std::string_view bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  return bytes.size() == 4 ? IpAddress::v4(data) : bytes.size() == 16 ? IpAddress::v6(data) : IpAddress();
}

}  // namespace

KeptNames::KeptNames(const observe::AccessRecord& request, const observe::AuditRecord& audit, std::string_view handle) {
  Texts texts{request.path,     audit.subject,     audit.credential,    address_bytes(request.client_ip),
              request.listener, request.authority, request.request_id,  audit.consumer,
              audit.auth_method, audit.authenticator, handle};
  size_t bytes = 2 * kLong + kShort;
  for (size_t i = 0; i < texts.size(); ++i) {
    texts[i] = texts[i].substr(0, i < kLong ? size_t{UINT16_MAX} : size_t{UINT8_MAX});   // a log shows less of them
    bytes += texts[i].size();
  }
  memory_ = std::make_unique_for_overwrite<char[]>(bytes);
  char* out = memory_.get();
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i < kLong) *out++ = static_cast<char>(texts[i].size() >> 8);
    *out++ = static_cast<char>(texts[i].size() & 0xff);
  }
  for (std::string_view text : texts) out = std::copy(text.begin(), text.end(), out);
}

std::string_view KeptNames::tell(observe::AccessRecord& request, observe::AuditRecord& audit) const {
  std::string_view handle, address;
  if (memory_ == nullptr) return handle;
  OutTexts texts{&request.path,      &audit.subject,       &audit.credential,   &address,
                 &request.listener,  &request.authority,   &request.request_id, &audit.consumer,
                 &audit.auth_method, &audit.authenticator, &handle};
  const auto* sizes = reinterpret_cast<const uint8_t*>(memory_.get());
  const char* at = memory_.get() + 2 * kLong + kShort;
  for (size_t i = 0; i < texts.size(); ++i) {
    size_t size = i < kLong ? size_t{*sizes++} << 8 : 0;
    size |= *sizes++;
    *texts[i] = {at, size};
    at += size;
  }
  request.client_ip = address_from(address);
  return handle;
}

}  // namespace sluice::proxy
