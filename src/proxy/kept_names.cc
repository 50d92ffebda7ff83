#include "proxy/kept_names.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace sluice::proxy {
namespace {

using Texts = std::array<std::string_view, 9>;
using Sizes = std::array<uint16_t, std::tuple_size_v<Texts>>;
constexpr size_t kHeadBytes = sizeof(IpAddress) + sizeof(Sizes);
static_assert(std::is_trivially_copyable_v<IpAddress>);

}  // namespace

KeptNames::KeptNames(const observe::AccessRecord& request, const observe::AuditRecord& audit) {
  Texts texts{request.request_id, request.listener, request.authority,   request.path,       audit.subject,
              audit.consumer,     audit.credential, audit.auth_method, audit.authenticator};
  Sizes sizes;
  size_t bytes = kHeadBytes;
  for (size_t i = 0; i < texts.size(); ++i) {
    texts[i] = texts[i].substr(0, observe::kPathMax);   // the longest that a log shows
    sizes[i] = static_cast<uint16_t>(texts[i].size());
    bytes += sizes[i];
  }
  memory_ = std::make_unique_for_overwrite<char[]>(bytes);
  char* out = memory_.get();
  std::memcpy(out, &request.client_ip, sizeof(IpAddress));
  std::memcpy(out + sizeof(IpAddress), sizes.data(), sizeof(Sizes));
  out += kHeadBytes;
  for (std::string_view text : texts) out = std::copy(text.begin(), text.end(), out);
}

void KeptNames::tell(observe::AccessRecord& request, observe::AuditRecord& audit) const {
  if (memory_ == nullptr) return;
  const char* at = memory_.get();
  Sizes sizes;
  std::memcpy(&request.client_ip, at, sizeof(IpAddress));
  std::memcpy(sizes.data(), at + sizeof(IpAddress), sizeof(Sizes));
  at += kHeadBytes;
  size_t next = 0;
  for (std::string_view* text :
       {&request.request_id, &request.listener, &request.authority, &request.path, &audit.subject, &audit.consumer,
        &audit.credential, &audit.auth_method, &audit.authenticator}) {
    *text = {at, sizes[next]};
    at += sizes[next++];
  }
}

}  // namespace sluice::proxy
