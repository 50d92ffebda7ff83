// gRPC-Web's heads: whose requests they are, what becomes of them and of their answers. Bodies: http/grpc_web_test.cc.
#include <gtest/gtest.h>

#include "proxy/grpc_web.h"
#include "proxy/problems.h"

namespace sluice::proxy {
namespace {

using http::End;
using http::FieldId;

TEST(GrpcWeb, the_answers_form_follows_accept_and_then_the_type) {
  struct Case {
    const char *type, *accept;
    GrpcForm form;
    bool text;
  };
  const Case cases[] = {
      {"application/grpc-web", "", GrpcForm::web, false},
      {"application/grpc-web+proto", "*/*", GrpcForm::web, false},
      {"Application/GRPC-Web; charset=x", "", GrpcForm::web, false},
      {"application/grpc-web-text", "", GrpcForm::web_text, true},
      {"application/grpc-web-text+proto", "*/*", GrpcForm::web_text, true},
      {"application/grpc-web+proto", "application/grpc-web-text+proto", GrpcForm::web_text, false},
      {"application/grpc-web-text", "a/b, application/grpc-web+proto;q=0.5", GrpcForm::web, true},
      {"application/grpc", "", GrpcForm::none, false},
      {"application/grpc+proto", "application/grpc-web", GrpcForm::none, false},
      {"application/grpc-webx", "", GrpcForm::none, false},
      {"application/grpc-web-texty", "", GrpcForm::none, false},
      {"", "application/grpc-web-text", GrpcForm::none, false},
  };
  BlockPool pool;
  for (const Case& one : cases) {
    Arena arena(pool);
    http::Head head(arena);
    head.fields.add(FieldId::content_type, one.type);
    head.fields.add(FieldId::accept, one.accept);
    EXPECT_EQ(grpc_web_form(head), one.form) << one.type << ' ' << one.accept;
    EXPECT_EQ(is_grpc_web_text(head), one.text) << one.type;
  }
}

TEST(GrpcWeb, a_request_becomes_grpcs) {
  BlockPool pool;
  for (auto [type, made, kept] : {std::tuple("application/grpc-web", "application/grpc", true),
                                  {"application/grpc-web+proto", "application/grpc+proto", true},
                                  {"application/grpc-web-text+json", "application/grpc+json", false}}) {
    Arena arena(pool);
    http::Head head(arena);
    head.content_length = 8;
    head.body = http::Body::length;
    head.fields.add(FieldId::content_type, type);
    head.fields.add("X-Grpc-Web", "1");
    head.fields.add("x-user-agent", "grpc-web-javascript/0.1");
    head.fields.add(FieldId::accept, "application/grpc-web-text");
    head.fields.add("grpc-timeout", "1S");
    make_grpc(head);
    EXPECT_EQ(head.fields.get(FieldId::content_type), made);
    EXPECT_EQ(head.fields.size(), 2U);
    EXPECT_EQ(head.fields.get("grpc-timeout"), "1S");
    EXPECT_TRUE(head.takes_trailers);
    EXPECT_EQ(head.content_length.has_value(), kept);   // of the text nobody needs to know
    EXPECT_EQ(head.body, kept ? http::Body::length : http::Body::streamed);
  }
}

TEST(GrpcWeb, a_response_is_put_in_the_clients_form) {
  BlockPool pool;
  for (auto [form, made] : {std::pair(GrpcForm::web, "application/grpc-web+proto"), {GrpcForm::web_text, "application/grpc-web-text+proto"}}) {
    Arena arena(pool);
    http::Head head(arena);
    head.content_length = 7;
    head.fields.add(FieldId::content_type, "application/grpc+proto");
    make_grpc_web(form, head);
    EXPECT_EQ(head.fields.get(FieldId::content_type), made);
    EXPECT_FALSE(head.content_length);
    expose_grpc_status(head.fields);
    EXPECT_EQ(head.fields.size(), 1U);   // no page may read it
    head.fields.add("Access-Control-Allow-Origin", "*");
    expose_grpc_status(head.fields);
    EXPECT_TRUE(head.fields.get("access-control-expose-headers"));
  }
}

TEST(GrpcWeb, a_text_that_ends_within_a_group_is_refused) {
  BlockPool pool;
  for (auto [text, good] : {std::pair("QUJD", true), {"QUI=QQ==", true}, {"", true}, {"QUJDQ", false}, {"QU*D", false}}) {
    GrpcWebText filter(pool);
    Chain bytes, none;
    bytes.append_copy(pool, text);
    bool passed = filter.feed(bytes, End::no).kind() == policy::Verdict::Kind::pass;
    policy::Verdict end = filter.feed(none, End::yes);
    EXPECT_EQ(passed && end.kind() == policy::Verdict::Kind::pass, good) << text;
    if (passed && !good) {
      EXPECT_EQ(end.problem(), &kBadGrpcWebBody);
    }
  }
}

TEST(GrpcWeb, trailers_follow_the_messages) {
  BlockPool pool;
  Arena arena(pool);
  http::Fields trailers(arena);
  trailers.add("grpc-status", "0");
  const std::string frame = std::string("\x80\0\0\0\x10", 5) + "grpc-status: 0\r\n";
  for (GrpcForm form : {GrpcForm::web, GrpcForm::web_text}) {
    GrpcWebAnswer filter(form, pool);
    EXPECT_FALSE(filter.has_trailers());
    Chain bytes;
    bytes.append_copy(pool, "m");
    (void)filter.feed(bytes, End::no);
    EXPECT_EQ(bytes.to_string(), form == GrpcForm::web ? "m" : "bQ==");
    filter.set_trailers(trailers);
    Chain last;
    (void)filter.feed(last, End::yes);
    Chain text;
    Chain plain;
    plain.append_copy(pool, frame);
    http::append_base64(plain, pool, text);
    EXPECT_EQ(last.to_string(), form == GrpcForm::web ? frame : text.to_string());
  }
}

}  // namespace
}  // namespace sluice::proxy
