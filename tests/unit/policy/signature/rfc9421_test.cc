// The examples of RFC 9421 appendix B, and the same with one thing changed.
#include <gtest/gtest.h>

#include "../call.h"
#include "policy/signature/message_scheme.h"
#include "policy/signature/message_verifier.h"
#include "policy/signature/signature_problems.h"
#include "rfc9421_keys.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kDigest =
    "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

std::string post(std::string_view input, std::string_view signature,
                 std::string_view target = "/foo?param=Value&Pet=dog") {
  std::string out = "POST " + std::string(target) + " HTTP/1.1\r\nHost: example.com\r\n";
  out += "Date: Tue, 20 Apr 2021 02:07:55 GMT\r\nContent-Type: application/json\r\n";
  out.append("Content-Digest: ").append(kDigest).append("\r\nContent-Length: 18\r\n");
  out.append("Signature-Input: ").append(input).append("\r\nSignature: ").append(signature);
  return out + "\r\n\r\n";
}

// B.2.1, B.2.2, B.2.3, B.2.5, B.2.6, B.3, B.4; B.2.4 is a response's.
struct Example {
  std::string_view input;
  std::string_view signature;
};
constexpr Example kB21{
    "sig-b21=();created=1618884473;keyid=\"test-key-rsa-pss\";nonce=\"b3k2pp5k7z-50gnwp.yemd\"",
    "sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zF"
    "ZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhW"
    "wE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7"
    "EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:"};
constexpr Example kB22{
    "sig-b22=(\"@authority\" \"content-digest\" \"@query-param\";name=\"Pet\");created=1618884473;"
    "keyid=\"test-key-rsa-pss\";tag=\"header-example\"",
    "sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8U"
    "CMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqp"
    "cAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKU"
    "qiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:"};
constexpr Example kB23{
    "sig-b23=(\"date\" \"@method\" \"@path\" \"@query\" \"@authority\" \"content-type\" \"content-digest\" "
    "\"content-length\");created=1618884473;keyid=\"test-key-rsa-pss\"",
    "sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2vo"
    "Tp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd"
    "7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJ"
    "zSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:"};
constexpr Example kB25{
    "sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"",
    "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"};
constexpr Example kB26{
    "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");"
    "created=1618884473;keyid=\"test-key-ed25519\"",
    "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"};

struct Rfc9421 : testing::Test {
  static SignatureRules rules(std::initializer_list<std::string_view> components = {}) {
    SignatureRules out;
    for (std::string_view text : components) out.components.push_back(*RequiredComponent::parse(text));
    return out;
  }
  /// gives: the code of the problem; the consumer when there is none
  std::string verify(std::string_view text, SignatureRules with = {}, int64_t now = 1618884480) {
    test = std::make_unique<TestCall>(text);   // `verified` views it
    std::span<const OfferedSignature> offered;
    if (const http::Problem* problem = read_signatures(test->head, offered))
      return std::string(problem->code);
    if (offered.empty()) return "none";
    MessageVerifier verifier(std::move(with), signers);
    const http::Problem* problem = verifier.verify(
        offered, {test->head, scheme}, WallTime(std::chrono::seconds(now)), verified);
    return std::string(problem ? problem->code : verified.signer->consumer);
  }
  std::string verify(const Example& example, SignatureRules with = {}, int64_t now = 1618884480) {
    return verify(post(example.input, example.signature), std::move(with), now);
  }
  RequestSigners signers = rfc_signers();
  std::unique_ptr<TestCall> test;
  VerifiedSignature verified;
  http::Scheme scheme = http::Scheme::https;
};

TEST_F(Rfc9421, examples_are_good) {
  EXPECT_EQ(verify(kB21), "pss");
  EXPECT_EQ(verify(kB22), "pss");
  EXPECT_EQ(verify(kB23), "pss");
  EXPECT_EQ(verify(kB25), "secret");
  EXPECT_EQ(verify(kB26), "ed");
}

TEST_F(Rfc9421, a_keys_end_is_its_holders_end) {
  SignatureConfig config;
  config.components.clear();
  config.digest_required = false;
  MessageScheme bank("bank", config);
  WallTime now(std::chrono::seconds(1618884480));
  SigningKeys keys;
  keys.requests.add({"test-shared-secret", "acme", rfc_secret(), {}, now + std::chrono::seconds(7)});
  bank.replace(std::move(keys));
  TestCall call(post(kB25.input, kB25.signature));
  call.clock.set_wall(now);
  Proof proof;
  ASSERT_EQ(bank.judge(call.call, proof).finding, Authenticator::Finding::accepted);
  EXPECT_EQ(proof.identity->expires, now + std::chrono::seconds(7));
  call.clock.advance(std::chrono::seconds(7));
  EXPECT_EQ(bank.judge(call.call, proof).problem, &kSignatureKeyExpired);
}

TEST_F(Rfc9421, example_of_a_response_is_good) {   // B.2.4, whose base a request cannot have
  std::string signature;
  ASSERT_TRUE(decode_base64(
      "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==",
      signature));
  std::string base =
      "\"@status\": 200\n\"content-type\": application/json\n\"content-digest\": "
      "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:\n"
      "\"content-length\": 23\n\"@signature-params\": (\"@status\" \"content-type\" \"content-digest\" "
      "\"content-length\");created=1618884473;keyid=\"test-key-ecc-p256\"";
  const SigningKey& key = signers.find("test-key-ecc-p256")->key;
  EXPECT_TRUE(key.verify(base, signature));
  base[12] = '5';
  EXPECT_FALSE(key.verify(base, signature));
}

TEST_F(Rfc9421, example_of_a_proxy_is_good) {   // B.3
  std::string text =
      "POST /foo?param=Value&Pet=dog HTTP/1.1\r\nHost: service.internal.example\r\n"
      "Date: Tue, 20 Apr 2021 02:07:55 GMT\r\nContent-Type: application/json\r\nContent-Length: 18\r\nClient-Cert: "
      ":MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVy"
      "bWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DA"
      "QcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR"
      "0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQY"
      "DVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8T"
      "AiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:\r\n"
      "Signature-Input: ttrp=(\"@path\" \"@query\" \"@method\" \"@authority\" \"client-cert\");created=1618884473;"
      "keyid=\"test-key-ecc-p256\"\r\n"
      "Signature: ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:"
      "\r\n\r\n";
  EXPECT_EQ(verify(text), "ecc");
  text.replace(text.find("/foo"), 4, "/fo%6F");   // the same resource, spelled otherwise
  EXPECT_EQ(verify(text), "signature_invalid");
}

TEST_F(Rfc9421, example_with_transformations) {   // B.4
  auto text = [](std::string_view line, std::string_view host, std::string_view fields) {
    std::string out(line);
    out.append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n").append(fields);
    return out +
           "Signature-Input: transform=(\"@method\" \"@path\" \"@authority\" \"accept\");created=1618884473;"
           "keyid=\"test-key-ed25519\"\r\nSignature: transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A"
           "+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:\r\n\r\n";
  };
  constexpr std::string_view kLine = "GET /demo?name1=Value1&Name2=value2";
  constexpr std::string_view kTwo = "Accept: application/json\r\nAccept: */*\r\n";
  EXPECT_EQ(verify(text(kLine, "example.org", kTwo)), "ed");
  EXPECT_EQ(verify(text("GET /demo?name1=Value1&Name2=value2&param=added", "example.org",
                        "Accept: application/json\r\nAccept: */*\r\nAccept-Language: en\r\n")), "ed");
  EXPECT_EQ(verify(text(kLine, "Example.Org:443", "Accept:  application/json, */*  \r\n")), "ed");
  EXPECT_EQ(verify(text(kLine, "Example.Org:8443", "Accept:  application/json, */*  \r\n")), "signature_invalid");
  EXPECT_EQ(verify(text(kLine, "Example.Org", "Accept:  application/json, */*  \r\n")), "ed");
  EXPECT_EQ(verify(text("POST /demo?name1=Value1&Name2=value2", "example.org", kTwo)), "signature_invalid");
  EXPECT_EQ(verify(text(kLine, "example.com", kTwo)), "signature_invalid");
  EXPECT_EQ(verify(text(kLine, "example.org", "Accept: */*\r\nAccept: application/json\r\n")),
            "signature_invalid");
  EXPECT_EQ(verify(text(kLine, "example.org", "")), "signature_components");
}

TEST_F(Rfc9421, one_changed_thing_spoils_them) {
  Example changed = kB25;
  changed.input =
      "sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884474;keyid=\"test-shared-secret\"";
  EXPECT_EQ(verify(changed), "signature_invalid");
  changed.input =
      "sig-b25=(\"@authority\" \"date\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\"";
  EXPECT_EQ(verify(changed), "signature_invalid");
  changed = kB25;
  changed.signature = "sig-b25=:pxcQw6G3AjtMBQjwo8Xzkg==:";   // shorter
  EXPECT_EQ(verify(changed), "signature_invalid");
  changed.signature = "sig-b25=::";
  EXPECT_EQ(verify(changed), "signature_invalid");
  EXPECT_EQ(verify(post(kB26.input, kB26.signature, "/foo?other=query")), "ed");   // not covered
  EXPECT_EQ(verify(post(kB26.input, kB26.signature, "/Foo")), "signature_invalid");
  EXPECT_EQ(verify(post(kB23.input, kB23.signature, "/foo?Pet=dog&param=Value")), "signature_invalid");
  EXPECT_EQ(verify(post(kB22.input, kB22.signature, "/x?Pet=dog&a=b")), "pss");
  EXPECT_EQ(verify(post(kB22.input, kB22.signature, "/x?Pet=dog&Pet=cat")), "signature_components");
  EXPECT_EQ(verify(post(kB22.input, kB22.signature, "/x?pet=dog")), "signature_components");
}

TEST_F(Rfc9421, spaces_of_the_field_do_not_matter) {
  EXPECT_EQ(verify(post("sig-b25=(  \"date\"   \"@authority\" \"content-type\" ); created=1618884473;"
                        " keyid=\"test-shared-secret\"", kB25.signature)), "secret");
}

TEST_F(Rfc9421, time_counts) {
  EXPECT_EQ(verify(kB25, {}, 1618884473 + 299), "secret");
  EXPECT_EQ(verify(kB25, {}, 1618884473 + 300), "signature_expired");
  EXPECT_EQ(verify(kB25, {}, 1618884473 - 300), "secret");
  EXPECT_EQ(verify(kB25, {}, 1618884473 - 301), "signature_not_yet_valid");
  EXPECT_EQ(verified.replayable_until, WallTime(std::chrono::seconds(1618884473 + 300)));
  Example expires{"s=();created=1618884473;expires=1618884480;keyid=\"test-shared-secret\"", "s=:AAAA:"};
  EXPECT_EQ(verify(expires, {}, 1618884479), "signature_invalid");
  EXPECT_EQ(verify(expires, {}, 1618884480), "signature_expired");
  EXPECT_EQ(verify(Example{"s=();keyid=\"test-shared-secret\"", "s=:AAAA:"}), "signature_components");
  EXPECT_EQ(verify(Example{"s=();created=-999999999999999;keyid=\"test-shared-secret\"", "s=:AAAA:"}),
            "signature_expired");
  EXPECT_EQ(verify(Example{"s=();created=999999999999999;keyid=\"test-shared-secret\"", "s=:AAAA:"}),
            "signature_not_yet_valid");
}

TEST_F(Rfc9421, rules_ask_for_components) {
  EXPECT_EQ(verify(kB26, rules({"@method", "@path", "@authority", "date"})), "ed");
  EXPECT_EQ(verify(kB26, rules({"@query"})), "signature_components");
  EXPECT_EQ(verify(kB22, rules({"\"@query-param\";name=\"Pet\"", "content-digest"})), "pss");
  EXPECT_EQ(verify(kB22, rules({"\"@query-param\";name=\"param\""})), "signature_components");
  EXPECT_EQ(verify(kB23, rules({"\"@query-param\";name=\"Pet\""})), "pss");   // all of the query is
  SignatureRules nonce;
  nonce.nonce_required = true;
  EXPECT_EQ(verify(kB21, nonce), "pss");
  EXPECT_EQ(verify(kB25, nonce), "signature_components");
  SignatureRules tag;
  tag.tag = "header-example";
  EXPECT_EQ(verify(kB22, tag), "pss");
  EXPECT_EQ(verify(kB25, tag), "signature_key_unknown");
  for (std::string_view none : {"@status", "Date", "", "@nothing", "@query-param", "\"date\";req", "\"date\";bs;sf",
                                "\"date\";sf=?0", "\"@path\";sf", "\"date\";tr", "a b"})
    EXPECT_FALSE(RequiredComponent::parse(none)) << none;
}

TEST_F(Rfc9421, algorithm_is_the_key_owners_choice) {
  EXPECT_EQ(verify(Example{"s=();created=1618884473;keyid=\"test-shared-secret\";alg=\"hmac-sha256\"", "s=:AAAA:"}),
            "signature_invalid");
  EXPECT_EQ(verify(Example{"s=();created=1618884473;keyid=\"test-key-rsa-pss\";alg=\"hmac-sha256\"", "s=:AAAA:"}),
            "signature_algorithm");
  auto key = crypto::PublicKey::from_pem(kRfcP256);
  EXPECT_FALSE(SigningKey::from_public_key(*key, SigningAlgorithm::rsa_pss_sha512));
  EXPECT_FALSE(SigningKey::from_public_key(*key, SigningAlgorithm::hmac_sha256));
  EXPECT_FALSE(SigningKey::from_secret(std::string(31, 'x')));
}

TEST_F(Rfc9421, malformed_is_told) {
  EXPECT_EQ(verify(Example{"s=()", "t=:AAAA:"}), "signature_key_unknown");
  EXPECT_EQ(verify(Example{"s=();keyid=\"test-shared-secret\"", "t=:AAAA:"}), "signature_malformed");
  EXPECT_EQ(verify(Example{"s=();keyid=\"test-shared-secret\"", "s=\"AAAA\""}), "signature_malformed");
  EXPECT_EQ(verify(Example{"s=1;keyid=\"test-shared-secret\"", "s=:AAAA:"}), "signature_malformed");
  EXPECT_EQ(verify(Example{"s=(", "s=:AAAA:"}), "signature_malformed");
  EXPECT_EQ(verify(Example{"s=();created=\"1\";keyid=\"test-shared-secret\"", "s=:AAAA:"}),
            "signature_key_unknown");
  EXPECT_EQ(verify(Example{"s=();keyid=\"test-shared-secret\";created=\"1\"", "s=:AAAA:"}), "signature_malformed");
  EXPECT_EQ(verify(Example{"s=(\"date\" \"date\");created=1618884473;keyid=\"test-shared-secret\"", "s=:AAAA:"}),
            "signature_components");
  EXPECT_EQ(verify(Example{"s=(\"@status\");created=1618884473;keyid=\"test-shared-secret\"", "s=:AAAA:"}),
            "signature_components");
  EXPECT_EQ(verify(Example{"a=(), b=(), c=(), d=(), e=()", "a=:AAAA:"}), "signature_malformed");
  EXPECT_EQ(verify("GET / HTTP/1.1\r\nHost: a\r\nSignature: s=:AAAA:\r\n\r\n"), "signature_malformed");
  EXPECT_EQ(verify("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "none");
}

TEST_F(Rfc9421, a_good_signature_counts_beside_others) {
  std::string inputs = "other=(\"@status\";req);keyid=\"x\", " + std::string(kB25.input);
  std::string signatures = "other=:AAAA:, " + std::string(kB25.signature);
  EXPECT_EQ(verify(post(inputs, signatures)), "secret");
  EXPECT_EQ(verified.offered->label, "sig-b25");
}

TEST_F(Rfc9421, replay_is_told_by_nonce_or_by_what_is_signed) {
  EXPECT_EQ(verify(kB21), "pss");
  ReplayId first = verified.replay_id;
  EXPECT_EQ(verify(kB21), "pss");
  EXPECT_EQ(verified.replay_id, first);
  EXPECT_EQ(verify(kB25), "secret");
  EXPECT_NE(verified.replay_id, first);
}

}  // namespace
}  // namespace sluice::policy
