// Chunked bodies: whole and in pieces the same, and never taken when strict llhttp refuses or reads
// other bytes. What llhttp takes we take too, but for our own refusals: sizes of 2^63 and more,
// more than 16 digits, too many extension bytes, extension names and values that are empty. One
// thing llhttp 8.1 refuses wrongly: an extension behind an unquoted value (";a=b;c").
#include <llhttp.h>

#include <cctype>
#include <string>

#include "fuzz.h"
#include "http/h1_parser.h"
#include "http/h1_problems.h"

using namespace sluice::http;

namespace {

struct Outcome {
  ChunkDecoder::State state = ChunkDecoder::State::more;
  std::string data;
  size_t used = 0;
};

Outcome decode(std::string_view bytes, size_t step) {
  ChunkDecoder decoder;
  Outcome out;
  while (out.used < bytes.size()) {
    ChunkDecoder::Step result = decoder.feed(bytes.substr(out.used, step));
    out.used += result.taken;
    out.data += result.data;
    out.state = result.state;
    if (out.state == ChunkDecoder::State::last || out.state == ChunkDecoder::State::refused)
      return out;
  }
  out.state = ChunkDecoder::State::more;
  return out;
}

struct Reference {
  llhttp_errno_t error = HPE_OK;
  std::string data;
  bool last_chunk = false;
};

int on_body(llhttp_t* parser, const char* at, size_t size) {
  static_cast<Reference*>(parser->data)->data.append(at, size);
  return 0;
}

int on_chunk(llhttp_t* parser) {
  if (parser->content_length > 0) return 0;
  static_cast<Reference*>(parser->data)->last_chunk = true;
  return HPE_PAUSED;
}

Reference ask_llhttp(std::string_view bytes) {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t out{};
    out.on_body = on_body;
    out.on_chunk_header = on_chunk;
    return out;
  }();
  llhttp_t parser;
  Reference out;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = &out;
  std::string_view head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  CLAIM(llhttp_execute(&parser, head.data(), head.size()) == HPE_OK);
  out.error = llhttp_execute(&parser, bytes.data(), bytes.size());
  return out;
}

/// One of the refusals that are ours alone may be the reason.
bool may_be_ours(std::string_view bytes) {
  size_t digits = 0;
  for (char c : bytes) {
    digits = std::isxdigit(static_cast<unsigned char>(c)) ? digits + 1 : 0;
    if (digits >= 16) return true;
  }
  return bytes.find(';') != std::string_view::npos;
}

/// llhttp stopped at an extension that RFC 9112 allows, and had read nothing else than we until
/// there.
bool stopped_at_extension(const Reference& reference, std::string_view bytes,
                          std::string_view data) {
  return reference.error == HPE_INVALID_CHUNK_SIZE && bytes.find('=') != std::string_view::npos &&
         data.starts_with(reference.data);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes = text_of(data, size);
  Outcome whole = decode(bytes, bytes.size());
  for (size_t step : {size_t{1}, size_t{3}, size_t{data[0]} + 1}) {
    Outcome cut = decode(bytes, step);
    CLAIM(cut.state == whole.state && cut.data == whole.data);
    if (whole.state != ChunkDecoder::State::refused) CLAIM(cut.used == whole.used);
  }
  Reference reference = ask_llhttp(bytes);
  switch (whole.state) {
    case ChunkDecoder::State::last:
      CLAIM((reference.last_chunk && reference.data == whole.data) ||
            stopped_at_extension(reference, bytes, whole.data));
      break;
    case ChunkDecoder::State::more:
      CLAIM((reference.error == HPE_OK && !reference.last_chunk && reference.data == whole.data) ||
            stopped_at_extension(reference, bytes, whole.data));
      break;
    case ChunkDecoder::State::refused:
      CLAIM((reference.error != HPE_OK && !reference.last_chunk) || may_be_ours(bytes));
      break;
    case ChunkDecoder::State::data:
      CLAIM(false);
  }
  return 0;
}
