// Trailer blocks. llhttp reads trailers only behind a chunked body, so these few lines are ours.
#include "base/text.h"
#include "http/h1_parser.h"
#include "http/h1_problems.h"
#include "http/rules.h"

namespace sluice::http {

const Problem* parse_trailers(std::string_view block, Side sender, Fields& trailers) {
  while (!block.starts_with("\r\n")) {
    size_t end = block.find("\r\n");
    if (end == std::string_view::npos) return &kBadField;
    std::string_view line = block.substr(0, end);
    block.remove_prefix(end + 2);
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) return &kBadField;
    std::string_view name = line.substr(0, colon);
    std::string_view value = trim_ows(line.substr(colon + 1));
    if (!is_token(name)) return &kBadFieldName;
    if (!is_field_value(value)) return &kBadField;
    if (name.size() > Fields::kNameBytesMax) return &kHeadersTooLarge;
    trailers.add(field_id(name), name, value);
  }
  if (block.size() != 2) return &kBadField;
  return accept_trailers(sender, trailers) ? nullptr : &kBadTrailer;
}

}  // namespace sluice::http
