#include "observe/trace.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::observe {
namespace {

constexpr char kExample[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string text_of(const TraceParent& trace) {
  std::string out(kTraceParentBytes, '?');
  EXPECT_EQ(write_traceparent(out.data(), trace), out.data() + out.size());
  return out;
}

TEST(Trace, reads_and_writes_the_example_of_the_specification) {
  auto trace = parse_traceparent(kExample);
  ASSERT_TRUE(trace);
  EXPECT_TRUE(trace->sampled);
  EXPECT_EQ(trace->trace_id[0], 0x0a);
  EXPECT_EQ(trace->parent_id[7], 0x31);
  EXPECT_EQ(text_of(*trace), kExample);
  char id[kTraceIdBytes];
  write_trace_id(id, *trace);
  EXPECT_EQ(std::string(id, sizeof id), "0af7651916cd43dd8448eb211c80319c");
}

TEST(Trace, accepts_what_the_specification_accepts) {
  const struct {
    const char* value;
    const char* as_sent;
  } rows[] = {
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
      {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",  // undefined flags are sent as
                                                                   // zero
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
      {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",  // a later version, four fields
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
      {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-the-future-will-be-like",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
      {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-",
       "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
  };
  for (const auto& row : rows) {
    auto trace = parse_traceparent(row.value);
    ASSERT_TRUE(trace) << row.value;
    EXPECT_EQ(text_of(*trace), row.as_sent);
  }
}

TEST(Trace, refuses_what_the_specification_refuses) {
  const char* rows[] = {
      "",
      "00",
      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",  // version ff
      "FF-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
      ".0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",  // version 00 ends there
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
      "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",  // later versions need a dash
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",       // capitals
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067aa0ba902b7-01",
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",  // ids of zeros
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
      "00-.bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-011",  // fields of other lengths
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-.0",
      "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  };
  for (const char* row : rows) EXPECT_FALSE(parse_traceparent(row)) << row;
}

TEST(Trace, begins_with_ids_that_differ_and_keeps_the_trace_in_a_child) {
  Random random(1);
  TraceParent first = begin_trace(random, true);
  TraceParent second = begin_trace(random, false);
  EXPECT_NE(first.trace_id, second.trace_id);
  EXPECT_EQ(parse_traceparent(text_of(first)), first);
  EXPECT_EQ(parse_traceparent(text_of(second)), second);
  TraceParent child = child_of(first, random);
  EXPECT_EQ(child.trace_id, first.trace_id);
  EXPECT_NE(child.parent_id, first.parent_id);
  EXPECT_TRUE(child.sampled);
}

}  // namespace
}  // namespace sluice::observe
