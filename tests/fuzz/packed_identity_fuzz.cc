// What a Redis holds for a ticket: any bytes. What is read is packed into the same again.
#include <string>

#include "fuzz.h"
#include "policy/ticket/packed_identity.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  BlockPool blocks;
  Arena arena(blocks);
  const policy::Identity* identity = policy::unpack_identity(text_of(data, size), arena);
  if (identity == nullptr) return 0;
  std::string packed = policy::pack_identity(*identity);
  const policy::Identity* again = policy::unpack_identity(packed, arena);
  CLAIM(again != nullptr && policy::pack_identity(*again) == packed);
  CLAIM(again->subject == identity->subject && again->expires == identity->expires);
  return 0;
}
