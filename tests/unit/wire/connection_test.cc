#include "wire/connection.h"

#include <gtest/gtest.h>

#include <utility>

#include "fakes/transport.h"
#include "unit/net/loopback.h"

namespace sluice::wire {
namespace {

using http::Finish;
using http::Phase;
using std::chrono::milliseconds;

/// Writes down what it is told; ends the connection when it fails, as real codecs do.
struct RecordingCodec final : http::Codec {
  void feed(const Slice& bytes) override { received += bytes.view(); }
  void on_eof() override { note("eof"); }
  void on_failed(Error) override {
    note("failed");
    if (wire) wire->finish(Finish::abort);
  }
  void on_write_failed(Error) override { note("write_failed"); }
  void on_room() override { ++rooms; }
  void on_timeout(Phase phase) override {
    note("timeout " + std::to_string(static_cast<int>(phase)));
  }
  void drain() override { note("drain"); }
  void note(const std::string& text) { log += (log.empty() ? "" : ", ") + text; }

  std::string received, log;
  int rooms = 0;
  http::Wire* wire = nullptr;
};

struct Line final : Connection::Owner {
  enum class Begin { open, handshake, connecting };
  explicit Line(Begin begin = Begin::open, Timeouts given = {}) : timeouts(given) {
    codec.wire = connection.get();
    LoopTurn turn(loop);
    switch (begin) {
      case Begin::open: connection->start(fake.make(), Phase::none); break;
      case Begin::handshake: connection->start_handshake(fake.make()); break;
      case Begin::connecting:
        connection->start_connecting(fake.make());
        fake.events = connection.get();
        break;
    }
  }
  void on_open() override { ++opened; }
  void on_open_failed(Error why) override { open_error = why; }
  void on_gone() override {
    ++gone;
    connection.reset();
  }
  void output(std::string_view text) {
    LoopTurn turn(loop);
    Chain bytes;
    bytes.append_copy(loop->blocks(), text);
    connection->output(std::move(bytes));
  }
  /// Output, and the end of the turn.
  void write(std::string_view text) {
    output(text);
    loop->scheduler().flush_turn();
  }
  void finish(Finish how) {
    {
      LoopTurn turn(loop);
      connection->finish(how);
    }
    loop->scheduler().flush_turn();
  }
  void expect(Phase phase) {
    LoopTurn turn(loop);
    connection->expect(phase);
  }
  void read(std::string_view text) {
    LoopTurn turn(loop);
    fake.read(loop->blocks(), text);
  }
  void eof() {
    LoopTurn turn(loop);
    fake.events->on_eof();
  }
  void take(size_t bytes) {
    LoopTurn turn(loop);
    if (fake.take(bytes)) fake.events->on_writable();
  }

  net::TestLoop loop;
  net::FakeTransport fake;
  RecordingCodec codec;
  Timeouts timeouts;
  int gone = 0;
  int opened = 0;
  Error open_error;
  std::unique_ptr<Connection> connection =
      std::make_unique<Connection>(loop, codec, *this, timeouts);
};

constexpr Duration kShort = milliseconds(30);
const std::string kTimeoutOf[] = {"", "timeout 1", "timeout 2", "timeout 3"};

TEST(Connection, writes_once_at_the_end_of_the_turn) {
  Line line;
  line.output("a");
  line.output("b");
  EXPECT_EQ(line.fake.writes, 0);
  line.loop->scheduler().flush_turn();
  EXPECT_EQ(line.fake.writes, 1);
  EXPECT_EQ(line.fake.written, "ab");
  EXPECT_EQ(line.connection->bytes_written(), 2u);
}

TEST(Connection, writes_large_output_at_the_end_of_the_drain) {
  Line line;
  {
    LoopTurn turn(line.loop);
    line.output("a");
    line.output(std::string(kFlushSoon, 'b'));
    EXPECT_EQ(line.fake.writes, 0);
  }
  EXPECT_EQ(line.fake.writes, 1);
  EXPECT_EQ(line.fake.written.size(), kFlushSoon + 1);
  line.loop->scheduler().flush_turn();
  EXPECT_EQ(line.fake.writes, 1);
}

TEST(Connection, gathers_even_large_output_for_the_turn_when_each_write_costs_a_record) {
  Line line;
  line.fake.late = true;
  line.output("a");
  line.output(std::string(kFlushSoon, 'b'));
  EXPECT_EQ(line.fake.writes, 0);
  line.loop->scheduler().flush_turn();
  EXPECT_EQ(line.fake.writes, 1);
  EXPECT_EQ(line.fake.written.size(), kFlushSoon + 1);
}

TEST(Connection, has_no_room_until_a_short_write_has_left) {
  Line line;
  EXPECT_EQ(line.connection->output_room(), kOutputMax);
  line.fake.room = 3;
  line.write("abcdef");
  EXPECT_EQ(line.connection->output_room(), 0u);
  EXPECT_EQ(line.connection->bytes_written(), 3u);
  EXPECT_EQ(line.codec.rooms, 0);
  line.take(100);
  EXPECT_EQ(line.codec.rooms, 1);
  EXPECT_EQ(line.connection->output_room(), kOutputMax);
  EXPECT_EQ(line.connection->bytes_written(), 6u);
}

TEST(Connection, reports_each_phase_that_takes_too_long) {
  for (Phase phase : {Phase::idle, Phase::head, Phase::body}) {
    Line line;
    line.timeouts = {.idle = kShort, .header = kShort, .body = kShort, .write = kShort};
    line.expect(phase);
    ASSERT_TRUE(line.loop.until([&] { return !line.codec.log.empty(); }));
    EXPECT_EQ(line.codec.log, kTimeoutOf[static_cast<size_t>(phase)]);
    line.loop.settle(20);
    EXPECT_EQ(line.codec.log, kTimeoutOf[static_cast<size_t>(phase)]) << "once";
  }
}

TEST(Connection, looks_at_streams_often_however_patient_it_is) {
  for (Duration patience : {Duration(milliseconds(400)), Duration(std::chrono::hours(1))}) {
    Line line;
    line.timeouts.body = line.timeouts.write = patience;
    auto began = std::chrono::steady_clock::now();
    line.expect(Phase::streams);
    ASSERT_TRUE(line.loop.until([&] { return !line.codec.log.empty(); }));
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::min(patience / kLateParts, kStreamsLook) - milliseconds(50));
  }
}

TEST(Connection, takes_the_nearer_of_two_deadlines) {
  Line line;
  line.timeouts = {.idle = std::chrono::seconds(60), .header = kShort, .body = kShort,
                   .write = kShort};
  line.expect(Phase::idle);
  line.expect(Phase::head);
  ASSERT_TRUE(line.loop.until([&] { return !line.codec.log.empty(); }, std::chrono::seconds(5)));
}

TEST(Connection, gives_a_body_new_time_with_every_piece) {
  Line line;
  line.timeouts.body = milliseconds(200);
  line.expect(Phase::body);
  auto began = std::chrono::steady_clock::now();
  auto passed = [&] { return std::chrono::steady_clock::now() - began; };
  while (passed() < milliseconds(500)) {
    line.read("x");
    line.loop.settle(1);
  }
  EXPECT_EQ(line.codec.log, "");
  ASSERT_TRUE(line.loop.until([&] { return !line.codec.log.empty(); }));
  EXPECT_EQ(line.codec.log, "timeout 3");
}

TEST(Connection, has_no_deadline_in_phase_none_or_while_paused) {
  Line line;
  line.timeouts = {.idle = kShort, .header = kShort, .body = kShort, .write = kShort};
  line.expect(Phase::body);
  line.connection->pause_input();
  EXPECT_TRUE(line.fake.paused);
  line.loop.settle(30);
  EXPECT_EQ(line.codec.log, "");
  {
    LoopTurn turn(line.loop);
    line.connection->resume_input();   // from now on the peer may be late again
  }
  EXPECT_FALSE(line.fake.paused);
  line.expect(Phase::none);
  line.loop.settle(30);
  EXPECT_EQ(line.codec.log, "");
  line.expect(Phase::head);
  ASSERT_TRUE(line.loop.until([&] { return !line.codec.log.empty(); }));
  EXPECT_EQ(line.codec.log, "timeout 2");
}

TEST(Connection, notices_a_reset_while_paused) {
  Line line;
  line.connection->pause_input();
  line.fake.is_broken = true;
  ASSERT_TRUE(line.loop.until([&] { return line.gone == 1; }));
  EXPECT_EQ(line.codec.log, "failed");
}

TEST(Connection, notices_a_reset_while_paused_and_ending) {
  Line line;
  line.connection->pause_input();
  line.fake.room = 0;
  line.write("the answer");
  line.codec.wire = nullptr;   // a codec that has finished says nothing more
  line.finish(Finish::flush);
  line.fake.is_broken = true;
  ASSERT_TRUE(line.loop.until([&] { return line.gone == 1; }, std::chrono::seconds(5)));
}

TEST(Connection, fails_when_the_peer_takes_nothing) {
  Line line;
  line.timeouts.write = milliseconds(100);
  line.fake.room = 1;
  line.write("abcdefgh");
  ASSERT_TRUE(line.loop.until([&] { return line.gone == 1; }));
  EXPECT_EQ(line.codec.log, "failed");
  EXPECT_TRUE(line.fake.aborted);
}

TEST(Connection, is_patient_with_a_peer_that_takes_a_little) {
  Line line;
  line.timeouts.write = milliseconds(300);
  line.fake.room = 0;
  line.write(std::string(100, 'x'));
  auto began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began < milliseconds(900)) {
    if (line.fake.waiting.size() > 1) line.take(1);
    line.loop.settle(4);
  }
  EXPECT_EQ(line.gone, 0);
  EXPECT_EQ(line.codec.log, "");
}

TEST(Connection, ends_after_what_is_queued_has_left) {
  Line line;
  line.fake.room = 2;
  {
    LoopTurn turn(line.loop);
    line.write("abcd");
    line.finish(Finish::flush);
    EXPECT_EQ(line.gone, 0);
  }
  EXPECT_EQ(line.gone, 0);
  line.take(1);
  EXPECT_EQ(line.gone, 0);
  line.take(1);
  EXPECT_EQ(line.gone, 1);
  EXPECT_EQ(line.fake.written, "abcd");
  EXPECT_FALSE(line.fake.aborted);
  EXPECT_EQ(line.fake.destroyed, 1);
}

TEST(Connection, ends_though_the_peer_never_takes_what_is_queued) {
  Line line;
  line.timeouts.write = kShort;
  line.fake.room = 0;
  line.write("abcd");
  line.finish(Finish::flush);
  ASSERT_TRUE(line.loop.until([&] { return line.gone == 1; }));
  EXPECT_EQ(line.codec.log, "");
}

TEST(Connection, aborts_at_once) {
  Line line;
  {
    LoopTurn turn(line.loop);
    line.output("never");
    line.connection->finish(Finish::abort);
    line.connection->finish(Finish::abort);
    line.output("neither");
    EXPECT_EQ(line.gone, 0);   // not while callers may be on the stack
  }
  EXPECT_EQ(line.gone, 1);
  EXPECT_EQ(line.fake.written, "");
  EXPECT_TRUE(line.fake.aborted);
}

TEST(Connection, aborts_while_it_is_flushing) {
  Line line;
  line.fake.room = 0;
  line.write("abcd");
  line.finish(Finish::linger);
  line.finish(Finish::abort);
  EXPECT_EQ(line.gone, 1);
  EXPECT_TRUE(line.fake.aborted);
}

TEST(Connection, lingers_until_the_peer_ends) {
  Line line;
  line.write("413");
  line.finish(Finish::linger);
  EXPECT_EQ(line.fake.written, "413");
  EXPECT_TRUE(line.fake.finished);   // half-closed: the peer sees that the answer is whole
  line.read("what still arrives");
  EXPECT_EQ(line.codec.received, "");
  EXPECT_EQ(line.gone, 0);
  line.eof();
  EXPECT_EQ(line.gone, 1);
  EXPECT_EQ(line.codec.log, "");
}

TEST(Connection, lingers_while_input_was_paused) {
  Line line;
  line.connection->pause_input();
  line.finish(Finish::linger);
  EXPECT_FALSE(line.fake.paused);
}

TEST(Connection, does_not_linger_for_a_peer_that_has_ended_already) {
  Line line;
  line.eof();
  line.write("400");
  line.finish(Finish::linger);
  EXPECT_EQ(line.fake.written, "400");
  EXPECT_TRUE(line.fake.finished);
  EXPECT_EQ(line.gone, 1);

  Line meanwhile;   // the end comes while the answer is still queued
  meanwhile.fake.room = 0;
  meanwhile.output("400");
  meanwhile.finish(Finish::linger);
  meanwhile.eof();
  EXPECT_EQ(meanwhile.gone, 0);
  meanwhile.take(100);
  EXPECT_EQ(meanwhile.gone, 1);
}

TEST(Connection, discards_as_much_as_the_end_asks_for) {
  constexpr size_t kMuch = 64 * 1024 * 1024;
  for (auto [how, most] : {std::pair{Finish::hear_out, kMuch}, {Finish::linger, kLingerBytesMax}, {Finish::dismiss, kDismissBytesMax}}) {
    Line line;
    line.write("bye");
    line.finish(how);
    EXPECT_EQ(line.fake.written, "bye");
    EXPECT_TRUE(line.fake.finished);
    std::string piece(4 * 1024, 'x');
    size_t discarded = 0;
    while (line.gone == 0 && discarded < kMuch) {
      line.read(piece);
      discarded += piece.size();
    }
    bool bounded = how != Finish::hear_out;
    EXPECT_EQ(line.gone, bounded ? 1 : 0);
    EXPECT_EQ(discarded, bounded ? most + piece.size() : most);   // the piece that was too much is the last
  }
}

TEST(Connection, lingers_for_a_bounded_time) {
  Line line;
  line.finish(Finish::linger);
  auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(line.loop.until([&] { return line.gone == 1; }));
  EXPECT_GE(std::chrono::steady_clock::now() - began, kLingerSilenceMax - milliseconds(100));
}

TEST(Connection, lingers_on_while_something_comes_but_not_for_ever) {
  constexpr Duration kNone{};
  struct Case {
    Duration linger;
    Duration drain_at;      // from the end of the last message; kNone: never
    Duration heard_until;
    Duration lasts;
  };
  const Case cases[] = {
      {std::chrono::seconds(30), kNone, milliseconds(1600), milliseconds(1500) + kLingerSilenceMax},
      {std::chrono::seconds(1), kNone, std::chrono::seconds(60), std::chrono::seconds(1)},
      {std::chrono::seconds(30), milliseconds(500), std::chrono::seconds(60), milliseconds(500) + kLingerSilenceMax},
  };
  struct Running {
    std::unique_ptr<Line> line;
    TimePoint began;
    Duration lasted{};
    int heard = 0;
    bool drained = false;
  };
  std::vector<Running> running;   // at once: each has a loop of its own
  for (const Case& each : cases) {
    running.push_back({std::make_unique<Line>(Line::Begin::open, Timeouts{.linger = each.linger}), std::chrono::steady_clock::now()});
    running.back().line->finish(Finish::hear_out);
  }
  bool under_way = true;
  while (under_way) {
    under_way = false;
    for (size_t n = 0; n < std::size(cases); ++n) {
      Running& now = running[n];
      Line& line = *now.line;
      if (line.gone > 0) continue;
      under_way = true;
      now.lasted = std::chrono::steady_clock::now() - now.began;
      ASSERT_LT(now.lasted, std::chrono::seconds(60));
      if (now.lasted >= now.heard * milliseconds(500) && now.lasted <= cases[n].heard_until) {
        line.read("x");
        ++now.heard;
      }
      if (!now.drained && cases[n].drain_at > kNone && now.lasted >= cases[n].drain_at) {
        now.drained = true;
        LoopTurn turn(line.loop);
        line.connection->drain();
      }
      line.loop.settle(1);
    }
  }
  for (size_t n = 0; n < std::size(cases); ++n) {
    EXPECT_GE(running[n].lasted, cases[n].lasts - milliseconds(100)) << n;
    EXPECT_LT(running[n].lasted, cases[n].lasts + milliseconds(1500)) << n;
  }
}

TEST(Connection, tells_the_codec_when_writing_fails_and_reads_on) {
  Line line;
  line.fake.write_error = Error{Code::reset};
  line.write("x");
  EXPECT_EQ(line.codec.log, "write_failed");
  EXPECT_EQ(line.gone, 0);
  line.read("the answer");
  EXPECT_EQ(line.codec.received, "the answer");
}

TEST(Connection, is_gone_when_writing_fails_at_the_end) {
  Line line;
  line.fake.write_error = Error{Code::reset};
  line.output("x");
  line.finish(Finish::linger);
  EXPECT_EQ(line.gone, 1);
  EXPECT_EQ(line.codec.log, "");
}

TEST(Connection, is_gone_when_it_fails_at_the_end) {
  Line line;
  line.finish(Finish::linger);
  {
    LoopTurn turn(line.loop);
    line.fake.events->on_failed(Error{Code::reset});
  }
  EXPECT_EQ(line.gone, 1);
  EXPECT_EQ(line.codec.log, "");
}

TEST(Connection, waits_for_a_handshake_no_longer_than_for_a_head) {
  Timeouts timeouts;
  timeouts.header = kShort;
  Line late(Line::Begin::handshake, timeouts);
  ASSERT_TRUE(late.loop.until([&] { return late.gone == 1; }));
  EXPECT_EQ(late.open_error.code, Code::timeout);
  EXPECT_EQ(late.codec.log, "");

  timeouts.idle = milliseconds(200);
  Line good(Line::Begin::handshake, timeouts);
  {
    LoopTurn turn(good.loop);
    good.fake.events->on_open();
  }
  EXPECT_EQ(good.opened, 1);
  ASSERT_TRUE(good.loop.until([&] { return !good.codec.log.empty(); }));
  EXPECT_EQ(good.codec.log, "timeout 1");   // idle, not head
}

TEST(Connection, tells_its_owner_alone_when_it_cannot_be_opened) {
  for (Line::Begin begin : {Line::Begin::handshake, Line::Begin::connecting}) {
    Line line(begin);
    {
      LoopTurn turn(line.loop);
      line.fake.events->on_failed(Error{Code::connect_refused});
      EXPECT_EQ(line.gone, 0);
    }
    EXPECT_EQ(line.open_error.code, Code::connect_refused);
    EXPECT_EQ(line.gone, 1);
    EXPECT_EQ(line.opened, 0);
    EXPECT_EQ(line.codec.log, "");
  }
}

TEST(Connection, passes_on_what_the_peer_does) {
  Line line;
  line.read("abc");
  line.eof();
  EXPECT_EQ(line.codec.received, "abc");
  EXPECT_EQ(line.connection->bytes_read(), 3u);
  {
    LoopTurn turn(line.loop);
    line.connection->drain();
    line.connection->fail(Error{Code::cancelled});
  }
  EXPECT_EQ(line.codec.log, "eof, drain, failed");
  EXPECT_EQ(line.gone, 1);
}

}  // namespace
}  // namespace sluice::wire
