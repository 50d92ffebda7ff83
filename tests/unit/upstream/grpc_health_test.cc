#include "upstream/grpc_health.h"

#include <gtest/gtest.h>

namespace sluice::upstream {
namespace {

using namespace std::string_literals;

std::string framed(const std::string& message) {
  return "\0\0\0\0"s + static_cast<char>(message.size()) + message;
}

TEST(GrpcHealth, asks_about_a_service_or_the_server) {
  EXPECT_EQ(grpc_health_request(""), "\0\0\0\0\0"s);
  EXPECT_EQ(grpc_health_request("a.B"), "\0\0\0\0\x05\x0a\x03"s + "a.B");
  std::string name(200, 'n');   // its length takes two bytes
  EXPECT_EQ(grpc_health_request(name), "\0\0\0\0\xcb\x0a\xc8\x01"s + name);
}

TEST(GrpcHealth, reads_each_status) {
  EXPECT_EQ(read_grpc_health(framed("\x08\x01")), ServingStatus::serving);
  EXPECT_EQ(read_grpc_health(framed("\x08\x02")), ServingStatus::not_serving);
  EXPECT_EQ(read_grpc_health(framed("\x08\x03")), ServingStatus::service_unknown);
  EXPECT_EQ(read_grpc_health(framed("\x08\x04")), ServingStatus::other);
  EXPECT_EQ(read_grpc_health(framed("\x08\0"s)), ServingStatus::unknown);
  EXPECT_EQ(read_grpc_health(framed("")), ServingStatus::unknown);
  EXPECT_EQ(serving_status_name(ServingStatus::not_serving), "NOT_SERVING");
}

TEST(GrpcHealth, skips_what_it_does_not_know_and_takes_the_last) {
  EXPECT_EQ(read_grpc_health(framed("\x12\x02xx\x08\x01")), ServingStatus::serving);
  EXPECT_EQ(read_grpc_health(framed("\x08\x01\x1d" "abcd\x21" "abcdefgh\x28\x96\x01")), ServingStatus::serving);
  EXPECT_EQ(read_grpc_health(framed("\x08\x02\x08\x01")), ServingStatus::serving);
  EXPECT_EQ(read_grpc_health(framed("\x08\x81\x00"s)), ServingStatus::serving);   // longer than need be
  EXPECT_EQ(read_grpc_health(framed("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), ServingStatus::other);   // -1
}

TEST(GrpcHealth, refuses_what_is_no_answer) {
  for (const std::string& body : {
           ""s, "\0\0\0\0"s,                         // no whole frame
           "\x01\0\0\0\x02\x08\x01"s,                // compressed
           "\0\0\0\0\x03\x08\x01"s,                  // shorter than it says
           "\0\0\0\0\x01\x08\x01"s,                  // longer
           framed("\x08\x01") + framed("\x08\x01"),  // two
           "\0\xff\xff\xff\xff\x08\x01"s,
           framed("\x08"),                           // a key without its value
           framed("\x0a\x01x"),                      // the status as text
           framed("\x12\x05x"),                      // text that is cut
           framed("\x1d" "abc"), framed("\x21" "abc"),
           framed("\x13"), framed("\x16"), framed("\x17"),   // groups, and no type at all
           framed("\x00\x01"s),                      // field 0
           framed("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),   // beyond 64 bits
           framed("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
           "<html>"s}) {
    EXPECT_FALSE(read_grpc_health(body)) << testing::PrintToString(body);
  }
}

}  // namespace
}  // namespace sluice::upstream
