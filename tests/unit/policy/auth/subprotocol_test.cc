#include "policy/auth/subprotocol.h"

#include <gtest/gtest.h>

namespace sluice::policy {
namespace {

using http::FieldId;

struct Case {
  std::vector<std::string> offered;   // a field each
  std::string credential;
  size_t count;
  std::string left;                   // of all fields; "-": none
};

class Subprotocols : public testing::Test {
 protected:
  http::Head& request(const std::vector<std::string>& offered) {
    head_ = arena.make<http::Head>(arena);
    head_->upgrade = "websocket";
    for (const std::string& value : offered) head_->fields.add(FieldId::sec_websocket_protocol, arena.copy(value));
    return *head_;
  }
  std::string left() const {
    if (head_->fields.count(FieldId::sec_websocket_protocol) == 0) return "-";
    return std::string(head_->fields.get(FieldId::sec_websocket_protocol).value_or("two fields"));
  }

  BlockPool blocks;
  Arena arena{blocks};
  http::Head* head_ = nullptr;
  Subprotocol bearer{"bearer"};
};

TEST_F(Subprotocols, credentials_are_found_and_taken_out) {
  const Case cases[] = {
      {{"bearer.a.b.c"}, "a.b.c", 1, "-"},
      {{"app.v1, bearer.x"}, "x", 1, "app.v1"},
      {{"bearer.x,app.v1 ,app.v2"}, "x", 1, "app.v1, app.v2"},
      {{"app.v1", "bearer.x", "app.v2"}, "x", 1, "app.v1, app.v2"},
      {{"bearer.x, bearer.y"}, "y", 2, "-"},
      {{"Bearer.x, app"}, "", 0, "app"},   // not taken, and not passed on
      {{"bearer., app"}, "", 1, "app"},
      {{"a\"b, bearer.x", "c\"d"}, "x", 1, "a\"b, c\"d"},   // no list of quoted strings
  };
  for (const Case& one : cases) {
    http::Head& head = request(one.offered);
    Subprotocol::Given given = bearer.find(head);
    EXPECT_EQ(given.credential, one.credential);
    EXPECT_EQ(given.count, one.count);
    EXPECT_TRUE(bearer.remove(head, arena));
    EXPECT_EQ(left(), one.left);
  }
}

TEST_F(Subprotocols, others_stay_as_they_are) {
  http::Head& head = request({"bearer", "app.bearer.x"});
  EXPECT_EQ(bearer.find(head).count, 0u);
  EXPECT_FALSE(bearer.remove(head, arena));
  EXPECT_EQ(head.fields.count(FieldId::sec_websocket_protocol), 2u);
}

TEST_F(Subprotocols, only_websockets_have_any) {
  http::Head& head = request({"bearer.x"});
  head.upgrade = {};
  EXPECT_EQ(bearer.find(head).count, 0u);
  EXPECT_TRUE(bearer.remove(head, arena));
}

TEST_F(Subprotocols, none_is_told_as_chosen) {
  http::Head& head = request({"bearer.x"});
  bearer.clean(head);
  EXPECT_EQ(left(), "-");
  request({"app"});
  bearer.clean(*head_);
  EXPECT_EQ(left(), "app");
}

TEST_F(Subprotocols, without_a_name_nothing_is_looked_at) {
  Subprotocol none{""};
  http::Head& head = request({"bearer.x"});
  EXPECT_EQ(none.find(head).count, 0u);
  EXPECT_FALSE(none.remove(head, arena));
}

}  // namespace
}  // namespace sluice::policy
