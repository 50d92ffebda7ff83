#include "http/ws_deflate.h"

#include <zlib.h>

#include <algorithm>
#include <string>

#include "base/text.h"

namespace sluice::http {
namespace {

constexpr std::string_view kDeflateName = "permessage-deflate";
constexpr uint64_t kBitsMost = 15;
constexpr uint64_t kBitsLeast = 8;

/// The parameters of one offer or answer; RFC 7692 section 7.1.
struct Parameters {
  bool server_no_takeover = false;
  bool client_no_takeover = false;
  bool client_bits_named = false;            // in an offer it may stand without a value
  std::optional<uint8_t> server_bits;
  std::optional<uint8_t> client_bits;
};

std::string_view unquoted(std::string_view value) {
  bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

// gives: false when it is there twice, or no number of bits
bool read_bits(std::string_view value, std::optional<uint8_t>& out) {
  std::optional<uint64_t> bits = parse_decimal(unquoted(value));
  if (out || !bits || value.starts_with('0') || *bits < kBitsLeast || *bits > kBitsMost) return false;
  out = static_cast<uint8_t>(*bits);
  return true;
}

bool read_flag(bool has_value, bool& out) { return !has_value && !std::exchange(out, true); }

bool read_parameter(std::string_view text, Parameters& out) {
  size_t equals = text.find('=');
  bool has_value = equals != std::string_view::npos;
  std::string_view name = trim_ows(text.substr(0, equals));
  std::string_view value = has_value ? trim_ows(text.substr(equals + 1)) : std::string_view{};
  if (equals_ignore_case(name, "server_no_context_takeover")) return read_flag(has_value, out.server_no_takeover);
  if (equals_ignore_case(name, "client_no_context_takeover")) return read_flag(has_value, out.client_no_takeover);
  if (equals_ignore_case(name, "server_max_window_bits")) return read_bits(value, out.server_bits);
  if (!equals_ignore_case(name, "client_max_window_bits")) return false;
  return !std::exchange(out.client_bits_named, true) && (!has_value || read_bits(value, out.client_bits));
}

/// gives: nothing when it is another extension, or not well formed
std::optional<Parameters> read_deflate(std::string_view element) {
  Parameters out;
  size_t end = element.find(';');
  if (!equals_ignore_case(trim_ows(element.substr(0, end)), kDeflateName)) return std::nullopt;
  while (end != std::string_view::npos) {
    element.remove_prefix(end + 1);
    end = element.find(';');
    if (!read_parameter(trim_ows(element.substr(0, end)), out)) return std::nullopt;
  }
  return out;
}

template <class Visit>
void each_extension(const Fields& fields, Visit visit) {
  for (const Field& field : fields) {
    if (field.id == FieldId::sec_websocket_extensions) each_list_element(field.value(), visit);
  }
}

// RFC 7692 sections 7.1.1 and 7.1.2: what must be answered, and what may not be unless it was offered.
bool answers(const Parameters& offer, const Parameters& answer) {
  if (offer.server_no_takeover && !answer.server_no_takeover) return false;
  if (offer.server_bits && answer.server_bits.value_or(kBitsMost) > *offer.server_bits) return false;
  if (!answer.client_bits_named) return true;
  return answer.client_bits && offer.client_bits_named && *answer.client_bits <= offer.client_bits.value_or(kBitsMost);
}

}  // namespace

std::string_view ws_deflate_offers(const Fields& request, Arena& arena) {
  std::string out;
  each_extension(request, [&](std::string_view element) {
    if (read_deflate(element)) out.append(out.empty() ? "" : ", ").append(element);
    return true;
  });
  return arena.copy(out);
}

std::optional<WsDeflate> read_ws_extensions(const Fields& request, const Fields& response) {
  size_t count = 0;
  std::optional<Parameters> answer;
  each_extension(response, [&](std::string_view element) {
    answer = read_deflate(element);
    return ++count == 1;
  });
  WsDeflate out;
  if (count == 0) return out;
  if (count > 1 || !answer) return std::nullopt;
  bool offered = false;
  each_extension(request, [&](std::string_view element) {
    std::optional<Parameters> offer = read_deflate(element);
    offered = offer && answers(*offer, *answer);
    return !offered;
  });
  if (!offered) return std::nullopt;
  out.agreed = true;
  out.client = {!answer->client_no_takeover, answer->client_bits.value_or(kBitsMost)};
  out.upstream = {!answer->server_no_takeover, answer->server_bits.value_or(kBitsMost)};
  return out;
}

struct WsInflater::Zlib {
  explicit Zlib(MemoryShare* counted) : share(counted) {
    if (share) share->take(kBytes);
  }
  Zlib(const Zlib&) = delete;
  ~Zlib() {
    inflateEnd(&stream);
    if (share) share->give(kBytes);
  }
  z_stream stream{};
  MemoryShare* share;
};

WsInflater::WsInflater(WsDeflate::Way way, MemoryShare* share) : way_(way), share_(share) {}
WsInflater::~WsInflater() = default;

bool WsInflater::begin() {
  zlib_ = std::make_unique<Zlib>(share_);
  return inflateInit2(&zlib_->stream, -static_cast<int>(way_.window_bits)) == Z_OK;   // negative: without zlib's header
}

WsInflater::State WsInflater::run(std::string_view& input, char* room, size_t room_bytes, size_t& made) {
  made = 0;
  if (!zlib_ && !begin()) return State::broken;
  z_stream& stream = zlib_->stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(room);
  stream.avail_out = static_cast<uInt>(room_bytes);
  int result = Z_OK;
  do {
    result = inflate(&stream, Z_SYNC_FLUSH);
    // A last block ends the stream for zlib, but not the message (RFC 7692 section 7.2.3.4): the window stays.
    if (result == Z_STREAM_END && inflateResetKeep(&stream) != Z_OK) return State::broken;
  } while (result == Z_STREAM_END && stream.avail_in > 0 && stream.avail_out > 0);
  made = room_bytes - stream.avail_out;
  input.remove_prefix(input.size() - stream.avail_in);
  if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return State::broken;
  return stream.avail_out == 0 ? State::room_full : State::input_used;
}

void WsInflater::end_message() {
  if (!way_.keeps) zlib_.reset();
}

}  // namespace sluice::http
