#include "policy/ticket/packed_identity.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

class PackedIdentity : public testing::Test {
 protected:
  BlockPool blocks;
  Arena arena{blocks};
};

TEST_F(PackedIdentity, comes_back_as_it_was) {
  const std::string_view scopes[] = {"orders:read", "", "a:3:b"};
  const std::string_view roles[] = {"admin"};
  const Claim claims[] = {{"sub", "alice"}, {"list", R"(["a", "b"])", Claim::Form::list},
                          {"object", R"({"a": 1})", Claim::Form::object}, {"bytes", std::string_view("\0\xff:", 3)}};
  Identity identity;
  identity.subject = "alice";
  identity.consumer = "acme";
  identity.credential = "k1";
  identity.method = "api_key";
  identity.authenticator = "partners";
  identity.handle = std::string_view("\0\1\2", 3);
  identity.token = "opaque";
  identity.scopes = scopes;
  identity.roles = roles;
  identity.claims = claims;
  identity.expires = WallTime(std::chrono::seconds(2'000'000'000));
  std::string packed = pack_identity(identity);
  const Identity* back = unpack_identity(packed, arena);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->subject, "alice");
  EXPECT_EQ(back->consumer, "acme");
  EXPECT_EQ(back->credential, "k1");
  EXPECT_EQ(back->method, "api_key");
  EXPECT_EQ(back->authenticator, "partners");
  EXPECT_EQ(back->handle, identity.handle);
  EXPECT_EQ(back->token, "opaque");
  EXPECT_TRUE(std::ranges::equal(back->scopes, identity.scopes));
  EXPECT_TRUE(std::ranges::equal(back->roles, identity.roles));
  EXPECT_TRUE(back->groups.empty());
  EXPECT_EQ(back->claim("bytes")->value, claims[3].value);
  EXPECT_EQ(back->claim("list")->form, Claim::Form::list);
  EXPECT_EQ(back->claim("object")->form, Claim::Form::object);
  EXPECT_EQ(back->claim("sub")->form, Claim::Form::single);
  EXPECT_EQ(back->expires, identity.expires);
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_EQ(unpack_identity(std::string_view(packed).substr(0, size), arena), nullptr) << size;
  }
}

TEST_F(PackedIdentity, comes_with_those_beside_it) {
  Identity first, second, third;
  first.authenticator = "keys";
  first.credential = "k1";
  first.beside = &second;
  second.authenticator = "tokens";
  second.subject = "alice";
  second.handle = "t1";
  second.beside = &third;
  third.authenticator = "machines";
  std::string packed = pack_identity(first);
  const Identity* back = unpack_identity(packed, arena);
  ASSERT_TRUE(back != nullptr && back->beside != nullptr && back->beside->beside != nullptr);
  EXPECT_EQ(back->credential, "k1");
  EXPECT_EQ(back->beside->subject, "alice");
  EXPECT_EQ(back->beside->handle, "t1");
  EXPECT_EQ(back->beside->beside->authenticator, "machines");
  EXPECT_EQ(back->beside->beside->beside, nullptr);
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_EQ(unpack_identity(std::string_view(packed).substr(0, size), arena), nullptr) << size;
  }
}

TEST_F(PackedIdentity, without_an_end_has_none) {
  std::string packed = pack_identity({});
  const Identity* back = unpack_identity(packed, arena);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->expires, WallTime::max());
}

TEST_F(PackedIdentity, anything_else_is_none) {
  std::string packed = pack_identity({});
  for (std::string text : {std::string(), std::string("1:2"), std::string("99999999999:x"), std::string(":"), std::string("-1:"),
                           packed + "x", packed + "0:", std::string("1:21:0"), "1:1" + packed.substr(3), "1:1" + std::string(100, '0')}) {
    EXPECT_EQ(unpack_identity(text, arena), nullptr) << text;
  }
}

}  // namespace
}  // namespace sluice::policy
