#include "config/secret_text.h"

#include <gtest/gtest.h>

namespace sluice::config {
namespace {

TEST(SecretText, what_looks_like_a_credential_is_one) {
  for (const char* text : {
           "keys = [{ id = \"k1\", key = \"slk_hdcXUYdGEYE5PFlz272GU6WHYM24WnHZaJU8JRuw3T1NNr\" }]",
           "url = \"https://gateway:hunter2@id.example.com/introspect\"",
           "url = \"redis://:hunter2@redis.internal:6379\"",
           "redis://redis.internal:6379?password=hunter2",
           "-----BEGIN PRIVATE KEY-----",
           "-----BEGIN EC PRIVATE KEY-----MHcCAQEE",
           "set = { Authorization = \"Bearer hunter2hunter2{nope}\" }",
           "basic aHVudGVyMjpodW50ZXIy",
           "passwd = \"hunter2\"",
           "client_secret=hunter2",
           "set = { X-Api-Key = 'hunter2' }",
           "\"X-Auth-Token\" = \"hunter2\"",
           "PASSWORD = hunter2",
       })
    EXPECT_TRUE(holds_secret(text)) << text;
}

TEST(SecretText, only_what_could_be_shown_is_looked_at) {
  EXPECT_TRUE(holds_secret(std::string(900, ' ') + "passwd = \"hunter2\""));
  EXPECT_FALSE(holds_secret(std::string(2000, ' ') + "passwd = \"hunter2\""));
}

TEST(SecretText, what_tells_where_one_is_or_is_none_is_shown) {
  for (const char* text : {
           "", "=", "://", "bearer ", "slk_", "slk_9fT3...", "[consumer.acme]",
           "keys = [{ id = \"k1\", sha256 = \"5f1d2c9e0b7a48365f1d2c9e0b7a48365f1d2c9e0b7a48365f1d2c9e0b7a4836\" }]",
           "password = { secret = \"file:/run/secrets/redis\" }",
           "{ secret = \"env:ACME_SECRET\" }",
           "secret = \"credential:redis\"",
           "set = { Authorization = \"Bearer ${TOKEN}\", X-Api-Key = \"{header.X-Other}\" }",
           "url = \"https://id.example.com/a@b?c=@d\"",
           "token_types = [\"JWT\"]",
           "nonce_required = true",
           "header = \"X-Api-Key\"",
           "type = \"basic\"",
           "key = \"site.key\"",
           "password = \"\"",
       })
    EXPECT_FALSE(holds_secret(text)) << text;
}

}  // namespace
}  // namespace sluice::config
