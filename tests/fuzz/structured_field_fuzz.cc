// Structured fields from strangers: what is read has one spelling, which reads as the same again.
#include <string>

#include "fuzz.h"
#include "policy/signature/structured_field.h"

using namespace sluice;
using namespace sluice::policy;

namespace {

template <class Parse, class Append>
void check(std::string_view text, Parse parse, Append append) {
  BlockPool pool;
  Arena arena(pool);
  auto read = parse(text, arena);
  if (!read) {
    CLAIM(read.error().code == Code::bad_value || read.error().code == Code::too_large ||
          read.error().code == Code::unsupported);
    return;
  }
  CLAIM(text.size() <= kStructuredBytesMax);
  std::string once;
  append(*read, once);
  if (once.size() > kStructuredBytesMax) return;   // "," becomes ", "
  auto again = parse(once, arena);
  CLAIM(again);
  std::string twice;
  append(*again, twice);
  CLAIM(once == twice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = text_of(data, size);
  check(text, parse_dictionary, append_dictionary);
  check(text, parse_list, append_list);
  check(text, parse_item, append_item);
  return 0;
}
