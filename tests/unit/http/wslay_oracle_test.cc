// The codec of WebSockets against wslay, which was written by other people. Where libwslay-dev is installed.
#if defined(SLUICE_WITH_WSLAY)

#include <gtest/gtest.h>
#include <wslay/wslay.h>

#include <random>

#include "unit/http/ws_frames.h"

namespace sluice::http {
namespace {

constexpr uint64_t kMessageMax = 1 << 20;

struct Wire {
  std::string_view in;
  std::string out;
  size_t at = 0, step = 0;
};

ssize_t give(wslay_event_context_ptr context, uint8_t* data, size_t size, int, void* user) {
  auto& wire = *static_cast<Wire*>(user);
  size_t part = std::min({size, wire.step, wire.in.size() - wire.at});
  if (part == 0) {
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  std::copy_n(wire.in.data() + wire.at, part, data);
  wire.at += part;
  return static_cast<ssize_t>(part);
}

ssize_t take(wslay_event_context_ptr, const uint8_t* data, size_t size, int, void* user) {
  static_cast<Wire*>(user)->out.append(reinterpret_cast<const char*>(data), size);
  return static_cast<ssize_t>(size);
}

int no_mask(wslay_event_context_ptr, uint8_t* key, size_t size, void*) {
  std::fill_n(key, size, uint8_t{0});
  return 0;
}

/// gives: the code that wslay, as the peer, closes with for a fault of who sends; 0: it found none
int ask_wslay(std::string_view bytes, size_t step, bool of_client) {
  Wire wire{bytes, {}, 0, step};
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = give;
  callbacks.send_callback = take;
  callbacks.genmask_callback = no_mask;
  wslay_event_context_ptr context = nullptr;
  auto* init = of_client ? wslay_event_context_server_init : wslay_event_context_client_init;
  EXPECT_EQ(init(&context, &callbacks, &wire), 0);
  wslay_event_config_set_max_recv_msg_length(context, kMessageMax);
  int failed = 0;
  // It comes back from every read that does not fill a header.
  for (size_t calls = 0; calls <= bytes.size() && failed == 0 && wslay_event_want_read(context); ++calls) {
    failed = wslay_event_recv(context);
  }
  int received = wslay_event_get_close_received(context) ? wslay_event_get_status_code_received(context) : 0;
  wslay_event_send(context);
  wslay_event_context_free(context);
  if (failed != 0) return 1002;
  WsFollower frames;
  frames.follow(wire.out);
  if (!frames.closed()) return 0;
  int sent = frames.code() == 0 ? 1005 : frames.code();   // none was given
  return sent == received ? 0 : sent;
}

/// How wslay 1.1.1 reads a Close is not RFC 6455's way in three things.
enum class Close { none, as_standard, one_byte, reason, late_code };
Close close_of(const WsVerdict& ours) {
  if (!ours.close_bytes) return Close::none;
  if (*ours.close_bytes == 1) return Close::one_byte;   // it takes them (section 5.5.1: a code has two bytes)
  // Whether it sees a reason's bad UTF-8 depends on how the bytes are cut: it leaves out two bytes of each read.
  if (*ours.close_bytes > 2) return Close::reason;
  if (ours.close.size() < 2) return Close::as_standard;
  int code = static_cast<uint8_t>(ours.close[0]) << 8 | static_cast<uint8_t>(ours.close[1]);
  return code >= 1012 && code <= 1014 ? Close::late_code : Close::as_standard;   // registered after it was written
}

void compare(std::string_view bytes, size_t step, bool of_client, std::string_view what) {
  WsVerdict ours = read_ws(bytes, step, {.masked = of_client, .message_bytes_max = kMessageMax});
  int wslay = ask_wslay(bytes, step, of_client), own = static_cast<int>(ours.fault);
  auto shown = [&] {
    return testing::PrintToString(std::string(bytes)) + " by " + std::to_string(step) + (of_client ? "" : " of a server");
  };
  // FIN and length of a control frame it judges before the rest of the header has come; we wait for that. The rest of a
  // header it judges with the first byte of the payload; we do when the header is whole.
  if (ours.cut && own == 0 && wslay == 1002) return;
  if (ours.by_last_header && wslay == 0) return;
  switch (close_of(ours)) {
    case Close::none: case Close::as_standard: EXPECT_EQ(wslay, own) << what << ": " << shown(); return;
    case Close::one_byte: EXPECT_EQ(wslay, 0) << what << ": " << shown(); return;
    case Close::late_code: EXPECT_TRUE(wslay == 1002 && own == 0) << what << ": " << shown(); return;
    case Close::reason: return;
  }
}

class WslayOracle : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, WslayOracle, ::testing::Bool(), [](const auto& of_client) {
  return of_client.param ? "of_clients" : "of_servers";
});

TEST_P(WslayOracle, says_the_same_of_each_case_however_it_is_cut) {
  for (const WsCase& each : ws_cases(GetParam())) {
    for (size_t step : {1u, 2u, 3u, 7u, 100'000u}) compare(each.bytes, step, GetParam(), each.what);
  }
}

// Good and bad sequences with a byte changed here and there, masks and keys too.
TEST_P(WslayOracle, says_the_same_of_mutations) {
  std::mt19937 random(7);
  const std::vector<WsCase> seeds = ws_cases(GetParam());
  int refused = 0, taken = 0;
  for (int i = 0; i < 40'000 && !testing::Test::HasFailure(); ++i) {
    std::string bytes = seeds[random() % seeds.size()].bytes + seeds[random() % seeds.size()].bytes;
    if (bytes.size() > 1000) continue;
    for (unsigned changes = random() % 3; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    size_t step = 1 + random() % 9;
    compare(bytes, step, GetParam(), "mutation");
    (read_ws(bytes, step, {.masked = GetParam()}).fault == WsClose::none ? taken : refused) += 1;
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(taken, 1000);
}

}  // namespace
}  // namespace sluice::http
#endif
