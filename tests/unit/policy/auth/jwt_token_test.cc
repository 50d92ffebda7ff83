#include "policy/auth/jwt_token.h"

#include <gtest/gtest.h>

#include "base/base64url.h"
#include "policy/auth/jwt_problems.h"

namespace sluice::policy {
namespace {

std::string_view verdict(std::string_view text) {
  JwtReader reader;
  JwtToken token;
  const http::Problem* problem = reader.read(text, token);
  return problem ? problem->code : "read";
}

std::string with_header(std::string_view header) {
  return encode_base64url(header) + ".e30.AA";
}

TEST(JwtReader, reads_what_a_header_says) {
  JwtReader reader;
  JwtToken token;
  std::string text = with_header(R"({"typ":"at+jwt","alg":"ES384","kid":"a b","x5u":"http://evil",
      "jku":"http://evil","jwk":{"kty":"oct"},"x5c":["x"],"cty":"t"})");
  ASSERT_EQ(reader.read(text, token), nullptr);
  EXPECT_EQ(token.algorithm, JwtAlgorithm::es384);
  EXPECT_EQ(token.key_id, "a b");
  EXPECT_EQ(token.type, "at+jwt");
  EXPECT_EQ(token.signed_part, text.substr(0, text.rfind('.')));
  EXPECT_EQ(token.signature, std::string_view("\0", 1));
  JsonValue claims;
  ASSERT_EQ(reader.read_claims(claims), nullptr);
  EXPECT_FALSE(claims.members().next());
  ASSERT_EQ(reader.read(with_header(R"({"alg":"HS256"})"), token), nullptr);
  EXPECT_FALSE(token.key_id);
  EXPECT_FALSE(token.type);
}

TEST(JwtReader, takes_no_algorithm_that_it_does_not_know) {
  for (const char* name : {"none", "None", "NONE", "nOnE", "rs256", "RS1", "ES256K", "HS", "",
                           "RSA-OAEP", "dir", "RS256 "}) {
    EXPECT_EQ(verdict(with_header(R"({"alg":")" + std::string(name) + "\"}")), "token_algorithm")
        << name;
  }
}

TEST(JwtReader, refuses_other_headers) {
  for (const char* header :
       {"{}", "[]", "\"alg\"", "", "x", R"({"alg":1})", R"({"alg":null})", R"({"alg":["RS256"]})",
        R"({"alg":"RS256","alg":"RS256"})", R"({"alg":"RS256","\u0061lg":"HS256"})",
        R"({"alg":"RS256","kid":1})", R"({"alg":"RS256","typ":{}})",
        R"({"alg":"RS256","crit":["exp"]})", R"({"alg":"RS256","crit":[]})",
        R"({"alg":"RS256","crit":null})", R"({"alg":"RS256","b64":false})",
        R"({"alg":"RS256"} )" "\x01", R"({"alg":"RS256","kid":"\ud800"})"}) {
    EXPECT_EQ(verdict(with_header(header)), "token_malformed") << header;
  }
}

TEST(JwtReader, refuses_other_forms) {
  std::string header = encode_base64url(R"({"alg":"RS256"})");
  EXPECT_EQ(verdict(header + ".e30.AA"), "read");
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), header, header + ".e30",
        header + ".e30.", header + ".e30.AA.", header + ".e30.AA.AA.AA", header + ".e30.AA=",
        header + ".e30.AB", header + ".e30.A A", header + ".e30.AA\n", " " + header + ".e30.AA",
        header + "=.e30.AA", header + ".e3.AA", header + ".e3+.AA", "\"" + header + ".e30.AA\"",
        std::string(R"({"payload":"e30","signatures":[]})"), header + ".e30.A"}) {
    EXPECT_EQ(verdict(text), "token_malformed") << text;
  }
}

TEST(JwtReader, is_bounded) {
  std::string header = encode_base64url(R"({"alg":"RS256"})");
  std::string most(kTokenBytesMax - header.size() - 4, 'A');
  while (most.size() % 4 != 0) most.pop_back();
  EXPECT_EQ(verdict(header + "." + most + ".AA"), "read");
  EXPECT_EQ(verdict(header + "." + most + "AAAA.AA"), "token_too_large");
  EXPECT_EQ(verdict(std::string(1 << 20, '!')), "token_too_large");
}

TEST(JwtReader, reads_claims_as_an_object_without_twins) {
  JwtReader reader;
  JwtToken token;
  std::string header = encode_base64url(R"({"alg":"RS256"})");
  for (const char* payload : {"", "1", "[]", "{\"sub\":\"a\",\"sub\":\"b\"}", "{\"a\":{\"b\":1,\"b\":2}}",
                              "{\"sub\":\"\xff\"}", "{}x", "{\"exp\":1e999}"}) {
    ASSERT_EQ(reader.read(header + "." + encode_base64url(payload) + ".AA", token), nullptr);
    JsonValue claims;
    EXPECT_EQ(reader.read_claims(claims), &kTokenMalformed) << payload;
  }
}

}  // namespace
}  // namespace sluice::policy
