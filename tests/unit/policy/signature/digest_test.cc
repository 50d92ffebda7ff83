#include <gtest/gtest.h>

#include "../call.h"
#include "base/base64.h"
#include "policy/signature/digest_filter.h"
#include "policy/signature/signature_problems.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kSha256 = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
constexpr std::string_view kSha512 =
    "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

struct ContentDigest : testing::Test {
  /// gives: the name of the digest that counts, "none", or the code of the problem
  std::string read(std::string_view field) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(field) + "\r\n";
    test = std::make_unique<TestCall>(text);
    const http::Problem* problem = read_content_digest(test->head, expected);
    if (problem) return std::string(problem->code);
    return !expected ? "none" : expected->hash == crypto::Hash::sha256 ? "sha-256" : "sha-512";
  }
  std::string read_values(std::string_view value) {
    return read("Content-Digest: " + std::string(value) + "\r\n");
  }
  /// gives: what comes out, or the code of the problem and how much came out before
  std::string pass(const ExpectedDigest& of, std::initializer_list<std::string_view> pieces) {
    DigestFilter filter(crypto::Digest(of.hash), of);
    std::string out;
    for (auto piece = pieces.begin(); piece != pieces.end(); ++piece) {
      Chain bytes;
      bytes.append_copy(pool, *piece);
      bool last = piece + 1 == pieces.end();
      Verdict verdict = filter.feed(bytes, last ? http::End::yes : http::End::no);
      if (verdict.kind() == Verdict::Kind::refuse) {
        EXPECT_TRUE(bytes.empty());
        return std::string(verdict.problem()->code) + " " + std::to_string(out.size());
      }
      out += bytes.to_string();
    }
    return out;
  }
  BlockPool pool;
  std::unique_ptr<TestCall> test;
  std::optional<ExpectedDigest> expected;
};

TEST_F(ContentDigest, is_read) {
  EXPECT_EQ(read(""), "none");
  EXPECT_EQ(read_values(kSha256), "sha-256");
  EXPECT_EQ(read_values(std::string(kSha256) + ", " + std::string(kSha512)), "sha-512");
  EXPECT_EQ(read_values(std::string(kSha512) + ", md5=:AAAA:"), "sha-512");
  EXPECT_EQ(read("Content-Digest: " + std::string(kSha512) + "\r\nContent-Digest: " +
                 std::string(kSha256) + "\r\n"), "sha-512");
  EXPECT_EQ(read_values("md5=:AAAA:"), "digest_malformed");
  EXPECT_EQ(read_values("sha-256=:AAAA:"), "digest_malformed");
  EXPECT_EQ(read_values("sha-256"), "digest_malformed");
  EXPECT_EQ(read_values("sha-256=\"x\""), "digest_malformed");
  EXPECT_EQ(read_values("sha-256=(:AAAA:)"), "digest_malformed");
  EXPECT_EQ(read_values("="), "digest_malformed");
  EXPECT_EQ(read_values(""), "digest_malformed");
  EXPECT_EQ(read_values("x=:" + std::string(kDigestFieldBytesMax, 'A') + ":"), "digest_malformed");
}

TEST_F(ContentDigest, of_a_good_body_lets_it_pass) {
  constexpr std::string_view kBody = "{\"hello\": \"world\"}";
  for (std::string_view value : {kSha256, kSha512}) {
    read_values(value);
    EXPECT_EQ(pass(*expected, {kBody}), kBody);
    EXPECT_EQ(pass(*expected, {kBody, ""}), kBody);
    EXPECT_EQ(pass(*expected, {"", "{\"hello\"", ": \"world", "\"}"}), kBody);
    EXPECT_EQ(pass(*expected, {"{\"hello\": \"World\"}"}), "digest_mismatch 0");
    EXPECT_EQ(pass(*expected, {kBody, "\n"}), "digest_mismatch 0");
    EXPECT_EQ(pass(*expected, {""}), "digest_mismatch 0");
  }
}

TEST_F(ContentDigest, of_the_examples_of_the_rfc_is_good) {   // RFC 9530 appendices A and B
  constexpr std::string_view kBody = "{\"hello\": \"world\"}\n";
  for (std::string_view value :
       {"sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
        "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:"}) {
    ASSERT_EQ(read_values(value), value.substr(0, 7));
    EXPECT_EQ(pass(*expected, {kBody}), kBody);
    EXPECT_EQ(pass(*expected, {kBody.substr(0, kBody.size() - 1)}), "digest_mismatch 0");
  }
}

TEST_F(ContentDigest, of_a_large_body_holds_its_end_back) {
  std::string body(100'000, 'x');
  std::string digest = crypto::Digest(crypto::Hash::sha256).of(body);
  ExpectedDigest of{crypto::Hash::sha256, digest};
  std::string_view all = body;
  EXPECT_EQ(pass(of, {all.substr(0, 60'000), all.substr(60'000)}), body);
  EXPECT_EQ(pass(of, {all.substr(0, 60'000), all.substr(60'000), ""}), body);
  EXPECT_EQ(pass(of, {all.substr(0, 60'000), all.substr(60'000), "y"}),
            "digest_mismatch " + std::to_string(body.size() - kDigestHeldBytes));
}

TEST_F(ContentDigest, filter_gives_back_what_it_holds) {
  read_values(kSha256);
  {
    DigestFilter filter(crypto::Digest(expected->hash), *expected);
    Chain bytes;
    bytes.append_copy(pool, "begun");
    EXPECT_EQ(filter.feed(bytes, http::End::no).kind(), Verdict::Kind::pass);
    EXPECT_TRUE(bytes.empty());
    filter.close();
  }
  EXPECT_FALSE(is_digest_of_nothing(crypto::Digest(expected->hash), *expected));
  read_values("sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
  EXPECT_TRUE(is_digest_of_nothing(crypto::Digest(expected->hash), *expected));
  EXPECT_EQ(pass(*expected, {""}), "");
}

}  // namespace
}  // namespace sluice::policy
