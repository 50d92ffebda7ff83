#include "policy/auth/token_cache.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::policy {
namespace {

CachedToken known(std::string_view subject) {
  Identity identity;
  identity.subject = subject;
  CachedToken token;
  token.identity = IdentityBlock(identity);
  return token;
}

std::string_view subject_of(TokenCache& cache, std::string_view token) {
  CachedToken* found = cache.find(token);
  return found ? found->identity.identity().subject : "nothing";
}

TEST(TokenCache, knows_a_token_by_every_byte) {
  TokenCache cache(1 << 20, 1, 2);
  cache.insert("header.payload.signature", known("alice"));
  EXPECT_EQ(subject_of(cache, "header.payload.signature"), "alice");
  EXPECT_EQ(subject_of(cache, "header.payload.signaturf"), "nothing");
  EXPECT_EQ(subject_of(cache, "header.payload.signatur"), "nothing");
  EXPECT_EQ(subject_of(cache, "Header.payload.signature"), "nothing");
  EXPECT_EQ(subject_of(cache, ""), "nothing");
  cache.insert("header.payload.signaturf", known("bob"));
  EXPECT_EQ(subject_of(cache, "header.payload.signature"), "alice");
  EXPECT_EQ(subject_of(cache, "header.payload.signaturf"), "bob");
}

TEST(TokenCache, forgets_what_is_erased) {
  TokenCache cache(1 << 20, 1, 2);
  for (int i = 0; i < 500; ++i) cache.insert("token" + std::to_string(i), known(std::to_string(i)));
  for (int i = 0; i < 500; i += 2) cache.erase("token" + std::to_string(i));
  cache.erase("never there");
  EXPECT_EQ(cache.size(), 250u);
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(subject_of(cache, "token" + std::to_string(i)),
              i % 2 ? std::to_string(i) : "nothing");
  }
  for (int i = 0; i < 500; ++i) cache.erase("token" + std::to_string(i));
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(TokenCache, stays_within_its_bytes_and_keeps_what_is_asked_for) {
  constexpr size_t kBytes = 256 * 1024;
  TokenCache cache(kBytes, 1, 2);
  cache.insert("favourite", known("alice"));
  size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string token = std::string(200, 'x') + std::to_string(i);
    cache.insert(token, known("one of many"));
    EXPECT_EQ(subject_of(cache, "favourite"), "alice");
    ASSERT_LE(cache.bytes(), kBytes);
    most = std::max(most, cache.size());
  }
  EXPECT_GT(most, 100u);
  EXPECT_LT(most, 1500u);
  EXPECT_EQ(subject_of(cache, std::string(200, 'x') + "19999"), "one of many");
  EXPECT_EQ(subject_of(cache, std::string(200, 'x') + "0"), "nothing");
}

TEST(TokenCache, takes_nothing_larger_than_itself) {
  TokenCache cache(1000, 1, 2);
  cache.insert(std::string(5000, 'x'), known("alice"));
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.find(std::string(5000, 'x')), nullptr);
}

TEST(IdentityBlock, copies_all_that_is_viewed) {
  BlockPool pool;
  Arena arena(pool);
  Identity* copy = nullptr;
  {
    std::vector<std::string_view> scopes = {"a", "", "b"}, roles = {"r"}, groups = {"g", "h"};
    std::vector<Claim> claims = {{"n", "v"}, {"", "w"}, {"x", "", Claim::Form::list}};
    std::string subject = "alice in wonderland, whose name is long";
    Identity source;
    source.subject = subject;
    source.consumer = "acme";
    source.credential = "t1";
    source.method = "jwt";
    source.scopes = scopes;
    source.roles = roles;
    source.groups = groups;
    source.claims = claims;
    source.expires = WallTime(std::chrono::seconds(5));
    IdentityBlock block = IdentityBlock(source);
    IdentityBlock moved = std::move(block);
    copy = moved.copy_to(arena);
  }
  EXPECT_EQ(copy->subject, "alice in wonderland, whose name is long");
  EXPECT_EQ(copy->consumer, "acme");
  EXPECT_EQ(copy->credential, "t1");
  EXPECT_EQ(copy->method, "jwt");
  EXPECT_TRUE(copy->has_scope("a") && copy->has_scope("b") && copy->has_scope(""));
  EXPECT_EQ(copy->scopes.size(), 3u);
  EXPECT_TRUE(copy->has_role("r"));
  EXPECT_EQ(copy->groups[1], "h");
  EXPECT_EQ(copy->claim("n")->value, "v");
  EXPECT_EQ(copy->claim("x")->value, "");
  EXPECT_EQ(copy->claim("x")->form, Claim::Form::list);
  EXPECT_EQ(copy->claim("n")->form, Claim::Form::single);
  EXPECT_EQ(copy->expires, WallTime(std::chrono::seconds(5)));
  EXPECT_TRUE(IdentityBlock(Identity{}).copy_to(arena)->claims.empty());
}

}  // namespace
}  // namespace sluice::policy
