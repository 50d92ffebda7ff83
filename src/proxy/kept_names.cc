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

size_t put_size(char*& out, size_t size, size_t most) {
  size = std::min(size, most);   // a log shows less of them
  if (most > UINT8_MAX) *out++ = static_cast<char>(size >> 8);
  *out++ = static_cast<char>(size & 0xff);
  return size;
}

size_t take_size(const char*& at, size_t most) {
  size_t size = most > UINT8_MAX ? size_t{static_cast<uint8_t>(*at++)} << 8 : 0;
  return size | static_cast<uint8_t>(*at++);
}

constexpr size_t most_of(size_t text) { return text < kLong ? UINT16_MAX : UINT8_MAX; }

/// As they are kept of a credential beside the first.
std::array<std::string_view, 4> texts_of(const policy::Identity& identity) {
  return {identity.authenticator, identity.credential, identity.subject, identity.handle};
}

size_t bytes_of(const policy::Identity& beside) {
  size_t bytes = 0;
  for (std::string_view text : texts_of(beside)) bytes += 2 + std::min<size_t>(text.size(), UINT16_MAX);
  return bytes;
}

}  // namespace

KeptNames::KeptNames(const observe::AccessRecord& request, const observe::AuditRecord& audit,
                     const policy::Identity* identity) {
  Texts texts{request.path,     audit.subject,     audit.credential,    address_bytes(request.client_ip),
              request.listener, request.authority, request.request_id,  audit.consumer,
              audit.auth_method, audit.authenticator, identity != nullptr ? identity->handle : std::string_view{}};
  const policy::Identity* beside = identity != nullptr ? identity->beside : nullptr;
  size_t bytes = 2 * kLong + kShort + 1, others = 0;
  for (size_t i = 0; i < texts.size(); ++i) bytes += std::min(texts[i].size(), most_of(i));
  for (const auto* one = beside; one != nullptr && others < UINT8_MAX; one = one->beside, ++others) bytes += bytes_of(*one);
  memory_ = std::make_unique_for_overwrite<char[]>(bytes);
  char* out = memory_.get();
  for (size_t i = 0; i < texts.size(); ++i) texts[i] = texts[i].substr(0, put_size(out, texts[i].size(), most_of(i)));
  for (std::string_view text : texts) out = std::copy(text.begin(), text.end(), out);
  *out++ = static_cast<char>(others);
  for (; others > 0; --others, beside = beside->beside) {
    for (std::string_view text : texts_of(*beside)) {
      size_t size = put_size(out, text.size(), UINT16_MAX);
      out = std::copy_n(text.data(), size, out);
    }
  }
}

void KeptNames::tell(observe::AccessRecord& request, observe::AuditRecord& audit) const {
  std::string_view handle;
  (void)read(request, audit, handle);
}

// gives: what is behind the texts
const char* KeptNames::read(observe::AccessRecord& request, observe::AuditRecord& audit, std::string_view& handle) const {
  if (memory_ == nullptr) return nullptr;
  std::string_view address;
  OutTexts texts{&request.path,      &audit.subject,       &audit.credential,   &address,
                 &request.listener,  &request.authority,   &request.request_id, &audit.consumer,
                 &audit.auth_method, &audit.authenticator, &handle};
  const char* sizes = memory_.get();
  const char* at = sizes + 2 * kLong + kShort;
  for (size_t i = 0; i < texts.size(); ++i) {
    size_t size = take_size(sizes, most_of(i));
    *texts[i] = {at, size};
    at += size;
  }
  request.client_ip = address_from(address);
  return at;
}

// gives: the authenticator
std::string_view KeptNames::read_other(const char*& at, policy::AcceptedCredential& credential) {
  std::string_view authenticator;
  for (std::string_view* into : {&authenticator, &credential.name, &credential.subject, &credential.handle}) {
    size_t size = take_size(at, UINT16_MAX);
    *into = {at, size};
    at += size;
  }
  return authenticator;
}

}  // namespace sluice::proxy
