// Bodies that are moved past the codecs: what may be moved, when, and what counts.
#include <gtest/gtest.h>

#include "fakes/stream_events.h"
#include "fakes/wire.h"
#include "http/h1_codec.h"

namespace sluice::http {
namespace {

/// A connection to an upstream over a plain socket, with a request sent.
struct Download {
  explicit Download(std::string_view head) {
    codec.open(events);
    Head request(events.arena());
    request.method = Method::get;
    request.path = "/";
    request.authority = "up";
    codec.send_head(request, End::yes);
    feed(codec, wire, head);
  }
  BlockPool pool;
  FakeWire wire{pool, 7};
  H1Limits limits;
  RecordingEvents events{pool};
  H1ClientCodec codec{wire, limits};
};

constexpr std::string_view kThousand = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";

TEST(H1Raw, what_is_left_of_a_body_may_be_moved) {
  Download one(std::string(kThousand) + "0123456789");
  RawRun run = one.codec.raw_run();
  EXPECT_EQ(run.bytes, 990U);
  EXPECT_EQ(run.socket, 7);
}

TEST(H1Raw, chunks_tls_and_messages_without_body_may_not) {
  Download chunked("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_LT(chunked.codec.raw_run().socket, 0);
  Download none("HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_LT(none.codec.raw_run().socket, 0);
  Download encrypted(kThousand);
  encrypted.wire.socket = -1;
  EXPECT_LT(encrypted.codec.raw_run().socket, 0);
  Download until_close("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(until_close.codec.raw_run().bytes, UINT64_MAX);
}

TEST(H1Raw, the_last_byte_moved_ends_the_message_and_reading_begins_again) {
  Download one(kThousand);
  one.codec.begin_raw();
  EXPECT_TRUE(one.wire.left_alone);
  one.codec.on_readable();
  EXPECT_EQ(one.events.raws, 1);
  one.codec.raw_taken(999);
  EXPECT_EQ(one.events.log(), "head(200)");
  EXPECT_TRUE(one.wire.left_alone);
  one.codec.raw_taken(1);
  EXPECT_EQ(one.events.log(), "head(200) end");
  EXPECT_FALSE(one.wire.left_alone);
  EXPECT_EQ(one.wire.raw_in, 1000U);
  one.codec.consume(1000);
  one.codec.detach();
  EXPECT_TRUE(one.codec.free());
}

TEST(H1Raw, what_is_not_consumed_holds_the_sender_back) {
  Download one(kThousand);
  one.codec.begin_raw();
  one.codec.raw_taken(100);
  one.codec.on_readable();
  EXPECT_EQ(one.events.raws, 0);
  EXPECT_TRUE(one.wire.paused);
  one.codec.consume(100);
  EXPECT_FALSE(one.wire.paused);
  one.codec.on_readable();
  EXPECT_EQ(one.events.raws, 1);
}

// An upload to a server that reads nothing: all that the client may send has come, so no byte tells of itself any more.
TEST(H1Raw, what_is_held_makes_nobody_late) {
  Download one(kThousand);
  one.codec.begin_raw();
  one.codec.raw_taken(100);
  one.codec.hold_raw();
  EXPECT_TRUE(one.wire.paused);
  one.codec.consume(100);
  EXPECT_FALSE(one.wire.paused);
  one.codec.raw_taken(900);
  one.codec.hold_raw();   // the message has ended: there is nothing to hold
  EXPECT_FALSE(one.wire.paused);
  one.codec.consume(900);
}

TEST(H1Raw, nobody_left_to_move_the_bytes_has_them_read) {
  Download one(kThousand);
  one.codec.begin_raw();
  one.codec.detach();
  EXPECT_FALSE(one.wire.left_alone);
}

TEST(H1Raw, an_early_end_is_the_same_truncation) {
  Download one(kThousand);
  one.codec.begin_raw();
  one.codec.raw_taken(999);
  one.codec.end_raw();
  one.codec.on_eof();
  EXPECT_NE(one.events.log().find("reset"), std::string::npos) << one.events.log();
}

/// An upload towards an upstream.
struct Upload {
  explicit Upload(std::optional<uint64_t> length) {
    codec.open(events);
    Head request(events.arena());
    request.method = Method::post;
    request.path = "/";
    request.authority = "up";
    request.content_length = length;
    codec.send_head(request, End::no);
  }
  BlockPool pool;
  FakeWire wire{pool, 7};
  H1Limits limits;
  RecordingEvents events{pool};
  H1ClientCodec codec{wire, limits};
};

TEST(H1Raw, room_is_what_was_announced_and_only_behind_what_is_queued) {
  Upload one(1000);
  one.wire.clear = false;
  EXPECT_EQ(one.codec.raw_room().socket, 7);
  EXPECT_EQ(one.codec.raw_room().bytes, 0U);
  EXPECT_TRUE(one.wire.hurried);
  one.wire.clear = true;
  one.codec.on_room();
  EXPECT_EQ(one.events.credits, 1);
  EXPECT_EQ(one.codec.raw_room().bytes, 1000U);
  one.codec.raw_sent(600);
  EXPECT_EQ(one.codec.raw_room().bytes, 400U);
  EXPECT_EQ(one.wire.raw_out, 600U);
}

TEST(H1Raw, no_room_between_chunks_or_after_a_failure) {
  Upload chunked(std::nullopt);
  EXPECT_LT(chunked.codec.raw_room().socket, 0);
  Upload one(1000);
  one.codec.on_write_failed(Error{Code::reset, Side::upstream, Progress::sent, "gone"});
  EXPECT_LT(one.codec.raw_room().socket, 0);
}

}  // namespace
}  // namespace sluice::http
