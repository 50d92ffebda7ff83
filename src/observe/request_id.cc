#include "observe/request_id.h"

#include "base/text.h"

namespace sluice::observe {
namespace {

constexpr char kBase32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

template <size_t digits>
char* write_base32(char* out, uint64_t value) {
#pragma GCC unroll 16   // every request gets an id: half the instructions without the loop
  for (size_t i = 0; i < digits; ++i) out[i] = kBase32[value >> 5 * (digits - 1 - i) & 31];
  return out + digits;
}

}  // namespace

char* write_request_id(char* out, WallTime now, Random& random) {
  auto millis = static_cast<uint64_t>(now.time_since_epoch().count()) & 0xffff'ffff'ffff;
  out = write_base32<10>(out, millis);
  out = write_base32<8>(out, random.next());
  return write_base32<8>(out, random.next());
}

bool is_request_id(std::string_view id) {
  if (id.empty() || id.size() > kForeignIdMax) return false;
  constexpr std::string_view kMarks = "-_.~:+/=@";
  for (char c : id) {
    if (!is_digit(c) && !is_alpha(c) && kMarks.find(c) == kMarks.npos) return false;
  }
  return true;
}

}  // namespace sluice::observe
