#include "upstream/grpc_health.h"

namespace sluice::upstream {
namespace {

constexpr size_t kFrameBytes = 5;           // a flag (compressed), four bytes of length
constexpr uint64_t kStatusField = 1;
constexpr int kVarintBytesMax = 10;
enum WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };   // groups are of old

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

/// A cursor over one message.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }

  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (int i = 0; i < kVarintBytesMax && !rest_.empty(); ++i) {
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      if (i == kVarintBytesMax - 1 && byte > 1) return {};   // beyond 64 bits
      value |= uint64_t{byte & 0x7fU} << (7 * i);
      if (byte < 0x80) return value;
    }
    return {};
  }
  bool skip(uint64_t bytes) {
    if (bytes > rest_.size()) return false;
    rest_.remove_prefix(bytes);
    return true;
  }
  /// The value of a field that is not ours.
  bool skip_value(uint64_t type) {
    switch (type) {
      case kVarint: return varint().has_value();
      case kFixed64: return skip(8);
      case kFixed32: return skip(4);
      case kLength: {
        std::optional<uint64_t> size = varint();
        return size && skip(*size);
      }
    }
    return false;
  }

 private:
  std::string_view rest_;
};

ServingStatus status_of(uint64_t number) {
  bool known = number <= static_cast<uint64_t>(ServingStatus::service_unknown);
  return known ? static_cast<ServingStatus>(number) : ServingStatus::other;
}

std::optional<ServingStatus> read_message(std::string_view message) {
  Reader reader(message);
  ServingStatus status = ServingStatus::unknown;   // what is not sent is 0
  while (!reader.done()) {
    std::optional<uint64_t> key = reader.varint();
    if (!key || *key >> 3 == 0) return {};
    if (*key >> 3 != kStatusField) {
      if (!reader.skip_value(*key & 7)) return {};
      continue;
    }
    std::optional<uint64_t> value = reader.varint();
    if ((*key & 7) != kVarint || !value) return {};
    status = status_of(*value);   // the last one counts
  }
  return status;
}

}  // namespace

std::string_view serving_status_name(ServingStatus status) {
  switch (status) {
    case ServingStatus::unknown: return "UNKNOWN";
    case ServingStatus::serving: return "SERVING";
    case ServingStatus::not_serving: return "NOT_SERVING";
    case ServingStatus::service_unknown: return "SERVICE_UNKNOWN";
    case ServingStatus::other: break;
  }
  return "an unknown status";
}

std::string grpc_health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    put_varint(message, kStatusField << 3 | kLength);   // the request's field 1: service
    put_varint(message, service.size());
    message += service;
  }
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(message.size() >> shift);
  return out + message;
}

std::optional<ServingStatus> read_grpc_health(std::string_view body) {
  if (body.size() < kFrameBytes || body[0] != 0) return {};
  size_t size = 0;
  for (size_t i = 1; i < kFrameBytes; ++i) size = size << 8 | static_cast<uint8_t>(body[i]);
  if (size != body.size() - kFrameBytes) return {};
  return read_message(body.substr(kFrameBytes));
}

}  // namespace sluice::upstream
