// gRPC's part of the gateway: whose requests they are, deadlines, refusals.
#include <gtest/gtest.h>

#include "http/rules.h"
#include "proxy/grpc.h"

namespace sluice::proxy {
namespace {

TEST(Grpc, requests_are_known_by_their_type) {
  BlockPool pool;
  for (auto [type, is] : {std::pair("application/grpc", true), {"application/grpc+proto", true}, {"Application/GRPC; x=y", true},
                          {"application/grpc ;x=y", true},
                          {"application/grpc-web", false}, {"application/json", false}, {"", false}}) {
    Arena arena(pool);
    http::Head head(arena);
    head.fields.add(http::FieldId::content_type, type);
    EXPECT_EQ(http::is_grpc(head), is) << type;
  }
}

TEST(Grpc, timeouts_have_a_unit) {
  using namespace std::chrono_literals;
  struct Case {
    const char* text;
    std::optional<Duration> is;
  };
  const Case cases[] = {{"1H", 1h}, {"2M", 2min}, {"3S", 3s}, {"100m", 100ms}, {"5u", 5us}, {"99999999n", 99999999ns},
                        {"99999999H", 8760h}, {"", {}}, {"S", {}}, {"5", {}}, {"5x", {}}, {"-5S", {}}, {"123456789S", {}}};
  BlockPool pool;
  for (const Case& one : cases) {
    Arena arena(pool);
    http::Fields fields(arena);
    fields.add("grpc-timeout", one.text);
    EXPECT_EQ(grpc_timeout(fields), one.is) << one.text;
  }
}

TEST(Grpc, refusals_have_gRPCs_codes) {
  auto code = [](uint16_t status) { return std::string(grpc_code_text(grpc_code(status))); };
  EXPECT_EQ(code(401), "16");
  EXPECT_EQ(code(403), "7");
  EXPECT_EQ(code(404), "12");
  EXPECT_EQ(code(413), "8");
  EXPECT_EQ(code(429), "14");
  EXPECT_EQ(code(503), "14");
  EXPECT_EQ(code(504), "4");
  EXPECT_EQ(code(405), "2");
  BlockPool pool;
  Arena arena(pool);
  EXPECT_EQ(grpc_message("100% done", arena), "100%25 done");
}

TEST(Grpc, a_status_is_one_of_seventeen) {
  BlockPool pool;
  for (auto [text, is] : {std::pair("0", 0), {"16", 16}, {"17", 2}, {"", 2}, {"-1", 2}, {"OK", 2}, {"99999999999999999999", 2}}) {
    Arena arena(pool);
    http::Fields fields(arena);
    EXPECT_EQ(grpc_status(fields), std::nullopt);
    fields.add("grpc-status", text);
    EXPECT_EQ(grpc_status(fields), is) << text;
  }
}

TEST(Grpc, a_method_has_two_parts) {
  EXPECT_EQ(grpc_method("/shop.Orders/Get"), "shop.Orders/Get");
  for (const char* path : {"", "/", "//", "/a", "/a/", "//b", "/a/b/c", "/a//b"}) EXPECT_EQ(grpc_method(path), "") << path;
}

}  // namespace
}  // namespace sluice::proxy
