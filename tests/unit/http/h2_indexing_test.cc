#include "http/h2_indexing.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

bool next(H2Indexing& indexing, FieldId id, std::string_view value) {
  indexing.begin_list();
  return indexing.may_hold({lower_field_name(id), value, true, id});
}

TEST(H2Indexing, holds_what_is_not_judged) {
  H2Indexing indexing;
  for (int i = 0; i < 100; ++i) {
    indexing.begin_list();
    EXPECT_TRUE(indexing.may_hold({"x-tenant", "a"}));
    EXPECT_TRUE(indexing.may_hold({":path", "/", true}));
  }
}

TEST(H2Indexing, holds_no_secret_ever) {
  H2Indexing indexing;
  for (int i = 0; i < 200; ++i) {
    EXPECT_FALSE(next(indexing, FieldId::authorization, "Bearer a"));
    EXPECT_FALSE(next(indexing, FieldId::set_cookie, "a=b"));
  }
}

TEST(H2Indexing, holds_one_of_many_that_are_never_the_same) {
  H2Indexing indexing;
  int held = 0;
  for (int i = 0; i < 640; ++i) held += next(indexing, FieldId::x_request_id, std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(held, 10);
}

TEST(H2Indexing, holds_what_few_clients_send_again) {
  for (FieldId id : {FieldId::forwarded, FieldId::x_forwarded_for, FieldId::x_real_ip}) {
    H2Indexing indexing;
    EXPECT_TRUE(next(indexing, id, "192.0.2.1"));   // the first list
    EXPECT_FALSE(next(indexing, id, "192.0.2.2"));
    for (int i = 0; i < 30; ++i) {
      EXPECT_TRUE(next(indexing, id, "192.0.2.1"));
      EXPECT_TRUE(next(indexing, id, "192.0.2.2"));
    }
  }
}

TEST(H2Indexing, leaves_out_what_many_clients_send) {
  H2Indexing indexing;
  int held = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 640; ++i) held += next(indexing, FieldId::x_forwarded_for, "192.0.2." + std::to_string(i)) ? 1 : 0;
  }
  EXPECT_EQ(held, 100);   // for the name
}

}  // namespace
}  // namespace sluice::http
