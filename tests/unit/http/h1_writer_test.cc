// T2.6: what the writer sends is read the same way by our own parser and by llhttp alone.
#include "http/h1_writer.h"

#include <gtest/gtest.h>
#include <llhttp.h>

#include "base/hash.h"
#include "base/text.h"
#include "unit/http/messages.h"

namespace sluice::http {
namespace {

/// The messages that llhttp sees in some bytes: where each ends, and its body.
struct Oracle {
  struct Seen {
    std::string body;
    size_t fields = 0;
  };

  Oracle(llhttp_type_t type, std::string_view bytes, bool head_request = false)
      : no_body(head_request) {
    llhttp_settings_t settings{};
    settings.on_header_value_complete = [](llhttp_t* p) { return ++self(p).now.fields, 0; };
    settings.on_headers_complete = [](llhttp_t* p) { return self(p).no_body ? 1 : 0; };
    settings.on_body = [](llhttp_t* p, const char* at, size_t size) {
      self(p).now.body.append(at, size);
      return 0;
    };
    settings.on_message_complete = [](llhttp_t* p) {
      self(p).seen.push_back(std::exchange(self(p).now, {}));
      return 0;
    };
    llhttp_t parser;
    llhttp_init(&parser, type, &settings);
    parser.data = this;
    error = llhttp_execute(&parser, bytes.data(), bytes.size());
  }
  static Oracle& self(llhttp_t* parser) { return *static_cast<Oracle*>(parser->data); }

  bool no_body;
  llhttp_errno_t error;
  Seen now;
  std::vector<Seen> seen;
};

/// A random message: its parts, and its bytes as the writer makes them.
struct Writing {
  Writing(BlockPool& blocks, Random& random)
      : pool(blocks), arena(blocks), head(arena), dice(random) {
    head.authority = "a.example:81";
    for (uint64_t i = dice.below(20); i > 0; --i) {
      head.fields.add(arena.join("X-", text(1 + dice.below(30), "abcXYZ019-_")),
                      text(dice.below(dice.below(50) == 0 ? 9000 : 60), "abc ,;=\"/\t~\x80"));
    }
    head.path = arena.join("/", text(dice.below(100), "abXY01~_-"));
    head.has_query = dice.below(2) == 0;
    if (head.has_query) head.query = text(dice.below(50), "a=b&?/%41");
    uint64_t size = dice.below(dice.below(20) == 0 ? 200'000 : 300);
    body = std::string(text(size, "\r\n0:; GETabc\x01\xff"));
    framing.chunked = dice.below(2) == 0;
    if (!framing.chunked) framing.content_length = body.size();
    if (dice.below(4) == 0) framing.connection = "keep-alive";
    has_trailers = framing.chunked && dice.below(2) == 0;
  }
  std::string_view text(uint64_t size, std::string_view letters) {
    char* at = arena.text(size + 1);
    for (uint64_t i = 0; i < size; ++i) at[i] = letters[dice.below(letters.size())];
    return {at, size};
  }
  void write_body(Chain& out) {
    Chain bytes;
    bytes.append_copy(pool, body);
    if (!framing.chunked) return out.append(std::move(bytes));
    while (!bytes.empty()) {
      write_chunk(bytes.split(1 + dice.below(bytes.size())), pool, out);
      if (dice.below(3) == 0) write_chunk({}, pool, out);   // nothing must not look like the end
    }
    Fields trailers(arena);
    trailers.add("X-Sum", "7");
    trailers.add("X-Empty", "");
    write_last_chunk(has_trailers ? &trailers : nullptr, pool, out);
  }

  BlockPool& pool;
  Arena arena;
  Head head;
  H1Framing framing;
  std::string body;
  bool has_trailers = false;
  Random& dice;
};

/// Our parser's view of `bytes` must be the message that was written, up to the last byte.
void expect_same(const Writing& written, const Message& read, size_t size, const std::string& why) {
  ASSERT_EQ(read.verdict(), "ok") << why;
  EXPECT_EQ(read.used, size) << why;
  EXPECT_TRUE(read.body == written.body) << why;
  EXPECT_EQ(read.trailers.size(), written.has_trailers ? 2u : 0u) << why;
  ASSERT_EQ(read.head.fields.size(), written.head.fields.size()) << why;
  for (size_t i = 0; i < read.head.fields.size(); ++i) {
    const Field& sent = written.head.fields.begin()[i];
    const Field& got = read.head.fields.begin()[i];
    EXPECT_EQ(got.name(), sent.name()) << why;
    EXPECT_EQ(got.value(), trim_ows(sent.value())) << why;
  }
}

constexpr H1Limits kWide{.line_bytes_max = 64 * 1024, .header_bytes_max = 1 << 20};

TEST(Writer, sends_requests_that_two_parsers_read_alike) {
  BlockPool pool;
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    Writing written(pool, random);
    constexpr Method kMethods[] = {Method::get, Method::post, Method::put, Method::options};
    written.head.method = kMethods[random.below(4)];
    written.head.expect_continue = random.below(4) == 0;
    Chain out;
    write_request_head(written.head, written.framing, pool, out);
    written.write_body(out);
    std::string bytes = out.to_string();
    std::string why = "round " + std::to_string(round) + ": " + bytes.substr(0, 300);

    Oracle oracle(HTTP_REQUEST, bytes + bytes);   // twice: the first must end where it ends
    ASSERT_EQ(oracle.error, HPE_OK) << why;
    ASSERT_EQ(oracle.seen.size(), 2u) << why;
    EXPECT_TRUE(oracle.seen[0].body == written.body && oracle.seen[1].body == written.body) << why;

    Message read(pool);
    std::string twice = bytes + bytes;
    drive_request(twice, 0, kWide, read);
    expect_same(written, read, bytes.size(), why);
    EXPECT_EQ(read.head.path, written.head.path) << why;
    EXPECT_EQ(read.head.query, written.head.query) << why;
    EXPECT_EQ(read.head.authority, written.head.authority) << why;
    EXPECT_EQ(read.head.expect_continue, written.head.expect_continue) << why;
  }
}

TEST(Writer, sends_responses_that_two_parsers_read_alike) {
  BlockPool pool;
  Random random(2);
  for (int round = 0; round < 2000; ++round) {
    Writing written(pool, random);
    constexpr uint16_t kStatuses[] = {200, 201, 404, 500, 599};
    written.head.status = kStatuses[random.below(5)];
    if (random.below(2) == 0) written.head.reason = "Some reason";
    Chain out;
    write_response_head(written.head, written.framing, pool, out);
    written.write_body(out);
    std::string bytes = out.to_string();
    std::string why = "round " + std::to_string(round) + ": " + bytes.substr(0, 300);

    Oracle oracle(HTTP_RESPONSE, bytes + bytes);
    ASSERT_EQ(oracle.error, HPE_OK) << why;
    ASSERT_EQ(oracle.seen.size(), 2u) << why;
    EXPECT_TRUE(oracle.seen[0].body == written.body && oracle.seen[1].body == written.body) << why;

    Message read(pool);
    std::string twice = bytes + bytes;
    Driver(twice, 0, kWide).response(Method::get, read);
    expect_same(written, read, bytes.size(), why);
    EXPECT_EQ(read.head.status, written.head.status) << why;
  }
}

TEST(Writer, sends_one_message_as_it_should_look) {
  BlockPool pool;
  Arena arena(pool);
  Head head(arena);
  head.method = Method::options;
  head.asterisk = true;
  head.path = "*";
  head.authority = "a";
  head.fields.add("X-A", "1");
  Chain request;
  H1Framing empty;
  empty.content_length = 0;
  write_request_head(head, empty, pool, request);
  EXPECT_EQ(request.to_string(),
            "OPTIONS * HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nContent-Length: 0\r\n\r\n");

  head.status = 599;
  Chain response;
  write_response_head(head, {.content_length = {}, .chunked = true, .connection = "close", .upgrade = {}}, pool,
                      response);
  std::string text = response.to_string();
  EXPECT_TRUE(text.starts_with("HTTP/1.1 599 ")) << text;
  EXPECT_TRUE(text.ends_with("X-A: 1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"))
      << text;
}

TEST(Writer, shares_body_blocks_instead_of_copying) {
  BlockPool pool;
  Chain body;
  body.append_copy(pool, std::string(20'000, 'x'));
  const char* at = body.front().data();
  Chain out;
  write_chunk(std::move(body), pool, out);
  bool shared = false;
  out.each([&](const Slice& slice) { shared |= slice.data == at; });
  EXPECT_TRUE(shared);
}

}  // namespace
}  // namespace sluice::http
