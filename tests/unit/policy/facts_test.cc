#include "policy/facts.h"

#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

TEST(Facts, templates_are_filled_from_the_request) {
  TestCall call(
      "POST /a?x=1&y&x=2&%7a=3 HTTP/1.1\r\nHost: Shop.example:8080\r\nX-Tenant: gold\r\nX-Tenant: "
      "tin\r\n\r\n");
  Param params[] = {{"order", "9"}, {"**", "b/c"}};
  call.call.params_ = params;
  struct Case {
    const char* source;
    const char* value;
  };  // null: missing
  constexpr Case kCases[] = {
      {"plain", "plain"},
      {"{ip}", "192.0.2.7"},
      {"{route}", "orders"},
      {"{host}", "shop.example"},
      {"{method}", "POST"},
      {"{path.order}", "9"},
      {"{path.**}", "b/c"},
      {"{path.none}", nullptr},
      {"{header.x-tenant}", "gold"},
      {"{header.None}", nullptr},
      {"{query.x}", "1"},
      {"{query.y}", ""},
      {"{query.q}", nullptr},
      {"{{{ip}}}", "{192.0.2.7}"},
      {"a-{path.order}-{method}.", "a-9-POST."},
      {"a{header.None}b", nullptr},
      {"{identity}", nullptr},
      {"{claim.tenant}", nullptr},
  };
  for (const Case& one : kCases) {
    auto source = config::parse_template(one.source);
    ASSERT_TRUE(source) << one.source << ": " << source.error().why;
    Template made(*source);
    std::optional<std::string_view> value = made.render(call.call);
    EXPECT_EQ(value.has_value(), one.value != nullptr) << one.source;
    if (value && one.value) {
      EXPECT_EQ(*value, one.value);
    }
  }
}

TEST(Facts, an_identity_gives_its_subject_consumer_and_claims) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const Claim claims[] = {{"tenant", "gold"}};
  Identity identity;
  identity.subject = "ann";
  identity.claims = claims;
  call.call.findings().identity = &identity;
  using Kind = config::Fact::Kind;
  EXPECT_EQ(fact_value({Kind::identity, ""}, call.call), "ann");
  EXPECT_EQ(fact_value({Kind::consumer, ""}, call.call), std::nullopt);   // of none
  EXPECT_EQ(fact_value({Kind::claim, "tenant"}, call.call), "gold");
  EXPECT_EQ(fact_value({Kind::claim, "Tenant"}, call.call), std::nullopt);
}

// Who calls himself "admin " must not be taken for "admin" by an upstream, which cuts blanks off.
TEST(Facts, what_a_header_field_cannot_hold_fills_no_template) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Identity identity;
  call.call.findings().identity = &identity;
  const Template made(*config::parse_template("user {identity}."));
  for (std::string_view subject : {"ann ", " ann", "ann\t", " "}) {
    identity.subject = subject;
    EXPECT_EQ(made.render(call.call), std::nullopt) << subject;
  }
  identity.subject = "ann lee";
  EXPECT_EQ(made.render(call.call), "user ann lee.");
}

TEST(Facts, a_dot_leads_into_a_claim_that_is_an_object) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const Claim claims[] = {
      {"tenant", R"({"id":"t9","n":7,"deep":{"er":["a","b"]},"a.b":"c","odd":"q\"x","de":{"x":"1"},"id2":"no","faked":"{'x':1}"})", Claim::Form::object},
      {"other.id", "own"},
      {"other", R"({"id":"inner"})", Claim::Form::object},
      {"name", R"({"id":"admin"})"},   // which somebody may call himself
      {"text", "id"},
      {"cut", R"({"id":"t)", Claim::Form::object},
  };
  Identity identity;
  identity.claims = claims;
  call.call.findings().identity = &identity;
  struct Case {
    const char* name;
    const char* value;   // null: none
  };
  constexpr Case kCases[] = {
      {"tenant.id", "t9"}, {"tenant.n", "7"}, {"tenant.deep", R"({"er":["a","b"]})"}, {"tenant.deep.er", R"(["a","b"])"},
      {"tenant.a.b", "c"}, {"tenant.de.x", "1"}, {"other.id", "own"}, {"tenant.i", nullptr}, {"tenant.t9", nullptr},
      {"tenant.", nullptr}, {"tenant..id", nullptr}, {"tenant.id.x", nullptr}, {"tenant.deep.er.a", nullptr},
      {"tenant.odd", nullptr}, {"text.id", nullptr}, {"name.id", nullptr}, {"tenant.faked.x", nullptr}, {"cut.id", nullptr}, {"none.id", nullptr}, {".id", nullptr},
  };
  for (const Case& one : kCases) {
    auto value = fact_value({config::Fact::Kind::claim, one.name}, call.call);
    auto wanted = one.value ? std::optional<std::string_view>(one.value) : std::nullopt;
    EXPECT_EQ(value, wanted) << one.name;
  }
}

TEST(Facts, a_client_without_an_address_has_none) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  call.client.ip = {};
  EXPECT_FALSE(fact_value({config::Fact::Kind::ip, ""}, call.call));
}

}  // namespace
}  // namespace sluice::policy
