// Published examples (RFC 7515, 7520, 8037), and Project Wycheproof's vectors where they lie beside
// the checkout.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "policy/auth/jwt_keys.h"
#include "policy/auth/jwt_token.h"

namespace sluice::policy {
namespace {

JwtAlgorithmSet every_algorithm() {
  JwtAlgorithmSet all;
  for (size_t i = 0; i < kJwtAlgorithms; ++i) all.add(static_cast<JwtAlgorithm>(i));
  return all;
}

bool accepts(const std::string& set, std::string_view text) {
  auto keys = read_jwk_set(set, every_algorithm(), KeySetSource::file);
  JwtReader reader;
  JwtToken token;
  return keys && reader.read(text, token) == nullptr &&
         keys->keys.verify(token.algorithm, token.key_id, token.signed_part, token.signature) ==
             KeyMatch::good;
}

constexpr std::string_view kHobbitonText =
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250by"
    "B0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUg"
    "eW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";
constexpr std::string_view kHobbitonRsa =
    R"({"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs)"
    "7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL"
    "-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9"
    "bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7ji"
    R"(g3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw","e":"AQAB"})";

struct Example {
  const char* name;
  std::string key;
  std::string token;
};

std::vector<Example> examples() {
  std::string text(kHobbitonText), rsa(kHobbitonRsa);
  std::string joe =
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ";
  return {
      {"RFC 7515 A.1",
       R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuT)"
       R"(wjAzZr1Z9CAow"})",
       "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + joe +
           ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
      {"RFC 7515 A.2",
       R"({"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4)"
       "d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQ"
       "OS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkM"
       R"(Ls91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"})",
       "eyJhbGciOiJSUzI1NiJ9." + joe +
           ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb"
           "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOL"
           "n6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
           "p0igcN_IoypGlUPQGe77Rw"},
      {"RFC 7515 A.3",
       R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
       R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
       "eyJhbGciOiJFUzI1NiJ9." + joe +
           ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
      {"RFC 7515 A.4",
       R"({"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ)"
       R"(6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDl)"
       R"(y79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"})",
       "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-"
       "mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmx"
       "YbSW9ERBXukOXolLzeO_Jn"},
      {"RFC 7520 4.1", rsa,
       "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." + text +
           ".MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83x"
           "uglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5"
           "aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU"
           "0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"},
      {"RFC 7520 4.2", rsa,
       "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." + text +
           ".cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O"
           "8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJR"
           "mBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQ"
           "TlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"},
      {"RFC 7520 4.3",
       R"({"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","crv":"P-521",)"
       R"("x":"AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0)"
       R"(Kt","y":"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-H)"
       R"(qHZR1"})",
       "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9." + text +
           ".AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJA"
           "Qy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2"},
      {"RFC 7520 4.4",
       R"({"kty":"oct","kid":"018c0ae5-4d9b-471b-bfd6-eef314bc7037","use":"sig","alg":"HS256",)"
       R"("k":"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"})",
       "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9." + text +
           ".s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"},
      {"RFC 8037 A.4",
       R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
       "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg"
       "3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"}};
}

TEST(JoseVectors, of_the_rfcs_are_accepted_and_their_neighbours_are_not) {
  for (const Example& example : examples()) {
    SCOPED_TRACE(example.name);
    std::string set = "{\"keys\":[" + example.key + "]}";
    EXPECT_TRUE(accepts(set, example.token));
    for (size_t at = 0; at < example.token.size(); at += 7) {
      std::string changed = example.token;
      changed[at] = changed[at] == 'A' ? 'Q' : 'A';
      EXPECT_FALSE(accepts(set, changed)) << at;
    }
  }
}

/// The text of one JSON value, back from what was read.
void append(std::string& out, JsonValue value) {
  char before = '\0';
  switch (value.type()) {
    case JsonValue::Type::object:
      out += '{';
      for (JsonMembers each = value.members(); each.next(); before = ',') {
        if (before) out += before;
        out += '"' + std::string(each.name()) + "\":";
        append(out, each.value());
      }
      out += '}';
      return;
    case JsonValue::Type::array:
      out += '[';
      for (JsonElements each = value.elements(); each.next(); before = ',') {
        if (before) out += before;
        append(out, each.value());
      }
      out += ']';
      return;
    case JsonValue::Type::string: out += '"' + std::string(*value.string()) + '"'; return;
    default: out += "0"; return;
  }
}

/// "valid" there, and refused here on purpose: the token says PS384 and its key PS256.
bool refused_on_purpose(std::string_view comment) { return comment == "Figure20"; }

void check_file(const std::filesystem::path& path, size_t& valid, size_t& invalid) {
  std::ifstream stream(path);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  JsonReader reader(16 << 20);
  Result<JsonValue> root = reader.read(text);
  ASSERT_TRUE(root) << root.error().what;
  for (JsonElements groups = root->member("testGroups")->elements(); groups.next();) {
    auto key = groups.value().member("public");
    if (!key) key = groups.value().member("private");
    std::string set;
    append(set, *key);
    if (!key->member("keys")) set = "{\"keys\":[" + set + "]}";
    for (JsonElements tests = groups.value().member("tests")->elements(); tests.next();) {
      JsonValue test = tests.value();
      std::string_view comment = *test.member("comment")->string();
      SCOPED_TRACE(std::string(comment));
      auto token = test.member("jws")->string();
      bool wanted = *test.member("result")->string() == "valid" && !refused_on_purpose(comment);
      EXPECT_EQ(token && accepts(set, *token), wanted) << set;
      ++(wanted ? valid : invalid);
    }
  }
}

TEST(JoseVectors, of_wycheproof_get_their_verdicts) {
  std::filesystem::path root =
      std::filesystem::path(SLUICE_SOURCE_DIR) / "../shared/vectors/wycheproof-jws";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "no Wycheproof vectors at " << root;
  size_t valid = 0, invalid = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (entry.path().extension() == ".json") check_file(entry.path(), valid, invalid);
  }
  EXPECT_GT(valid, 10u);
  EXPECT_GT(invalid, 100u);
}

}  // namespace
}  // namespace sluice::policy
