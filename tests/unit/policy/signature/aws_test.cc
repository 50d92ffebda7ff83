// The examples of AWS's documentation ("Create a signed AWS API request" for IAM; "Signature
// Calculations" for S3), and the same with one thing changed.
#include <gtest/gtest.h>

#include "../call.h"
#include "policy/signature/aws_verifier.h"

namespace sluice::policy {
namespace {

constexpr std::string_view kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kS3Scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";

std::string list_users(std::string_view signature, std::string_view line = "GET /?Action=ListUsers&Version=2010-05-08") {
  std::string out(line);
  out += " HTTP/1.1\r\nHost: iam.amazonaws.com\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
         "X-Amz-Date: 20150830T123600Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"
         "us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=";
  return out.append(signature).append("\r\n\r\n");
}
constexpr std::string_view kListUsers = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";

std::string s3(std::string_view line, std::string_view fields, std::string_view hash, std::string_view signed_fields,
               std::string_view signature) {
  std::string out(line);
  out.append(" HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\n").append(fields);
  out.append("x-amz-content-sha256: ").append(hash).append("\r\nx-amz-date: 20130524T000000Z\r\n");
  out.append("Authorization: AWS4-HMAC-SHA256 Credential=").append(kS3Scope);
  out.append(",SignedHeaders=").append(signed_fields).append(",Signature=").append(signature);
  return out.append("\r\n\r\n");
}

constexpr std::string_view kPresigned =
    "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2F"
    "s3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404 HTTP/1.1\r\n"
    "Host: examplebucket.s3.amazonaws.com\r\n\r\n";

crypto::Secret secret(std::string text) {
  return crypto::Secret(std::move(text));
}

struct Aws : testing::Test {
  Aws() {
    signers.add({"AKIDEXAMPLE", "iam", secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")});
    signers.add({"AKIAIOSFODNN7EXAMPLE", "s3", secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")});
  }
  std::string verify(std::string_view text, std::string_view now, AwsRules rules = {}) {
    TestCall test(text);
    AwsSignature signature;
    const http::Problem* problem = read_aws_signature(test.head, signature);
    if (problem) return std::string(problem->code);
    if (!signature.is_there) return "none";
    AwsVerifier verifier(std::move(rules), signers);
    problem = verifier.verify(signature, {test.head, http::Scheme::https}, *parse_aws_time(now), keys, verified);
    return std::string(problem ? problem->code : verified.signer->consumer);
  }
  std::string verify_iam(std::string_view text, std::string_view now = "20150830T123800Z", AwsRules rules = {}) {
    return verify(text, now, std::move(rules));
  }
  std::string verify_s3(std::string_view text, std::string_view now = "20130524T000100Z", AwsRules rules = {}) {
    return verify(text, now, std::move(rules));
  }
  AwsSigners signers;
  AwsDerivedKeys keys;
  VerifiedAwsSignature verified;
};

TEST_F(Aws, examples_are_good) {
  EXPECT_EQ(verify_iam(list_users(kListUsers)), "iam");
  EXPECT_EQ(verify_s3(s3("GET /test.txt", "Range: bytes=0-9\r\n", kEmptyHash, "host;range;x-amz-content-sha256;x-amz-date",
                         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")), "s3");
  constexpr std::string_view kHello = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
  EXPECT_EQ(verify_s3(s3("PUT /test%24file.text",
                         "Date: Fri, 24 May 2013 00:00:00 GMT\r\nx-amz-storage-class: REDUCED_REDUNDANCY\r\n"
                         "Content-Length: 21\r\n", kHello,
                         "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")), "s3");
  EXPECT_EQ(verified.payload_digest, crypto::Digest(crypto::Hash::sha256).of("Welcome to Amazon S3."));
  constexpr std::string_view kThree = "host;x-amz-content-sha256;x-amz-date";
  EXPECT_EQ(verify_s3(s3("GET /?lifecycle", "", kEmptyHash, kThree,
                         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")), "s3");
  EXPECT_EQ(verify_s3(s3("GET /?max-keys=2&prefix=J", "", kEmptyHash, kThree,
                         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")), "s3");
  EXPECT_EQ(verify_s3(s3("GET /?prefix=J&max-keys=2", "", kEmptyHash, kThree,   // in whatever order
                         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")), "s3");
  EXPECT_EQ(keys.size(), 2u);   // one of each day, region and service
}

TEST_F(Aws, example_of_a_presigned_url_is_good) {
  EXPECT_EQ(verify_s3(kPresigned), "s3");
  EXPECT_TRUE(verified.may_repeat);
  EXPECT_TRUE(verified.payload_digest.empty());
  EXPECT_EQ(verify_s3(kPresigned, "20130524T235959Z"), "s3");
  EXPECT_EQ(verify_s3(kPresigned, "20130525T000000Z"), "signature_expired");
  EXPECT_EQ(verify_s3(kPresigned, "20130523T235000Z"), "signature_not_yet_valid");
  AwsRules rules;
  rules.presigned_payload = AwsRules::Unsigned::refused;
  EXPECT_EQ(verify_s3(kPresigned, "20130524T000100Z", rules), "signature_components");
  std::string changed(kPresigned);
  changed.replace(changed.find("86400"), 5, "86401");
  EXPECT_EQ(verify_s3(changed), "signature_invalid");
  changed = kPresigned;
  changed.replace(changed.find("86400"), 5, "604801");
  EXPECT_EQ(verify_s3(changed), "signature_malformed");
  changed = kPresigned;
  changed.insert(changed.find("&X-Amz-Date"), "&X-Amz-Date=20130524T000000Z");
  EXPECT_EQ(verify_s3(changed), "signature_malformed");
  changed = kPresigned;
  changed.insert(changed.find("&X-Amz-Date"), "&more=1");
  EXPECT_EQ(verify_s3(changed), "signature_invalid");
}

TEST_F(Aws, one_changed_thing_spoils_them) {
  EXPECT_EQ(verify_iam(list_users("6d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")),
            "signature_invalid");
  EXPECT_EQ(verify_iam(list_users(kListUsers, "GET /?Action=ListUsers&Version=2010-05-09")), "signature_invalid");
  EXPECT_EQ(verify_iam(list_users(kListUsers, "GET /x?Action=ListUsers&Version=2010-05-08")), "signature_invalid");
  EXPECT_EQ(verify_iam(list_users(kListUsers, "HEAD /?Action=ListUsers&Version=2010-05-08")), "signature_invalid");
  std::string text = list_users(kListUsers);
  text.insert(text.find("X-Amz-Date"), "X-Amz-Target: other\r\n");   // would mean something, is not signed
  EXPECT_EQ(verify_iam(text), "signature_components");
  text = list_users(kListUsers);
  text.replace(text.find("SignedHeaders=content-type;host"), 31, "SignedHeaders=content-type");
  EXPECT_EQ(verify_iam(text), "signature_components");   // no Host
  text = list_users(kListUsers);
  text.replace(text.find("content-type;host"), 17, "content-type;dnt;host");
  EXPECT_EQ(verify_iam(text), "signature_components");   // in an order that has one spelling only, and not there
}

TEST_F(Aws, time_and_scope_count) {
  EXPECT_EQ(verify_iam(list_users(kListUsers), "20150830T124059Z"), "iam");
  EXPECT_EQ(verify_iam(list_users(kListUsers), "20150830T124100Z"), "signature_expired");
  EXPECT_EQ(verify_iam(list_users(kListUsers), "20150830T123100Z"), "iam");
  EXPECT_EQ(verify_iam(list_users(kListUsers), "20150830T123059Z"), "signature_not_yet_valid");
  AwsRules rules;
  rules.region = "us-east-1";
  rules.service = "iam";
  EXPECT_EQ(verify_iam(list_users(kListUsers), "20150830T123800Z", rules), "iam");
  rules.service = "s3";
  EXPECT_EQ(verify_iam(list_users(kListUsers), "20150830T123800Z", rules), "signature_components");
  std::string text = list_users(kListUsers);
  text.replace(text.find("AKIDEXAMPLE"), 11, "AKIDUNKNOWN");
  EXPECT_EQ(verify_iam(text), "signature_key_unknown");
}

TEST_F(Aws, a_body_must_be_signed) {
  std::string text = list_users(kListUsers, "POST /?Action=ListUsers&Version=2010-05-08");
  text.insert(text.find("X-Amz-Date"), "Content-Length: 3\r\n");
  EXPECT_EQ(verify_iam(text), "signature_components");
  std::string unsigned_body = s3("PUT /x", "Content-Length: 3\r\n", "UNSIGNED-PAYLOAD", "host;x-amz-date", std::string(64, 'a'));
  EXPECT_EQ(verify_s3(unsigned_body), "signature_components");
  AwsRules rules;
  rules.payload = AwsRules::Unsigned::allowed;
  EXPECT_EQ(verify_s3(unsigned_body, "20130524T000100Z", rules), "signature_invalid");
  EXPECT_EQ(verify_s3(s3("PUT /x", "", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "host;x-amz-date", std::string(64, 'a'))),
            "signature_malformed");
}

TEST_F(Aws, malformed_is_told) {
  auto with = [](std::string_view authorization, std::string_view date = "20150830T123600Z") {
    return "GET / HTTP/1.1\r\nHost: a\r\nX-Amz-Date: " + std::string(date) + "\r\nAuthorization: " +
           std::string(authorization) + "\r\n\r\n";
  };
  const std::string credential = "Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request";
  const std::string rest = ", SignedHeaders=host;x-amz-date, Signature=" + std::string(64, '0');
  EXPECT_EQ(verify_iam(with("Bearer x")), "none");
  EXPECT_EQ(verify_iam(with("AWS4-HMAC-SHA256 " + credential + rest)), "signature_invalid");
  for (const std::string& bad :
       {std::string("AWS4-HMAC-SHA256"), std::string("AWS4-HMAC-SHA256 x"), "AWS4-HMAC-SHA256" + credential + rest,
        "AWS4-HMAC-SHA256 " + credential, "AWS4-HMAC-SHA256 " + credential + rest + "0",
        "AWS4-HMAC-SHA256 " + credential + rest + ", Signature=" + std::string(64, '0'),
        "AWS4-HMAC-SHA256 " + credential + rest + ", Other=1",
        "AWS4-HMAC-SHA256 Credential=/20150830/us-east-1/iam/aws4_request" + rest,
        "AWS4-HMAC-SHA256 Credential=20150830/us-east-1/iam/aws4_request" + rest,
        "AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1/iam/aws4" + rest,
        "AWS4-HMAC-SHA256 Credential=A/20150831/us-east-1/iam/aws4_request" + rest,   // another day than X-Amz-Date
        "AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=x-amz-date;host, Signature=" + std::string(64, '0'),
        "AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=Host, Signature=" + std::string(64, '0'),
        "AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host;host, Signature=" + std::string(64, '0'),
        "AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host;x-amz-date;, Signature=" + std::string(64, '0'),
        "AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=, Signature=" + std::string(64, '0'),
        "AWS4-HMAC-SHA256 " + credential + ", SignedHeaders=host, Signature=" + std::string(64, 'A')})
    EXPECT_EQ(verify_iam(with(bad)), "signature_malformed") << bad;
  for (std::string_view date : {"20150830T123600", "20150830 123600Z", "20150230T123600Z", "20150830T246000Z", ""})
    EXPECT_EQ(verify_iam(with("AWS4-HMAC-SHA256 " + credential + rest, date)), "signature_malformed") << date;
  EXPECT_FALSE(parse_aws_time("2015083+T123600Z"));
}

TEST_F(Aws, derived_keys_are_bounded) {
  const AwsSigner& signer = *signers.find("AKIDEXAMPLE");
  AwsSignature signature;
  for (size_t i = 0; i < AwsDerivedKeys::kKeysMax + 10; ++i) {
    signature.scope = std::to_string(i);
    keys.of(signer, signature);
    ASSERT_LE(keys.size(), AwsDerivedKeys::kKeysMax);
  }
}

}  // namespace
}  // namespace sluice::policy
