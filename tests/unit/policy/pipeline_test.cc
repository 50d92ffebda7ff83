#include "policy/pipeline.h"

#include "fakes/policies.h"
#include "policy/catalog.h"
#include "unit/policy/call.h"

namespace sluice::policy {
namespace {

using fakes::MarkingPolicy;

TEST(Pipeline, places_decide_the_order_and_within_one_the_order_of_adding) {
  PipelineBuilder builder;
  builder.add(Place::transformation, std::make_unique<MarkingPolicy>("d"));
  builder.add(Place::plugin, std::make_unique<MarkingPolicy>("b"));
  builder.add(Place::plugin, std::make_unique<MarkingPolicy>("c"));
  builder.add(Place::address, std::make_unique<MarkingPolicy>("a"));
  Pipeline pipeline = std::move(builder).build();
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(pipeline.on_request(call.call, 0).kind(), Verdict::Kind::pass);
  EXPECT_EQ(call.fields(), "X-Order: abcd");
}

TEST(Pipeline, stops_at_a_verdict_and_can_go_on_behind_it) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Pipeline pipeline;
  pipeline.add(std::make_unique<MarkingPolicy>("a"));
  pipeline.add(std::make_unique<MarkingPolicy>("b", MarkingPolicy::Does::refuse));
  pipeline.add(std::make_unique<MarkingPolicy>("c"));
  EXPECT_EQ(pipeline.on_request(call.call, 0).problem(), &fakes::kDenied);
  EXPECT_EQ(call.call.current_, 1U);
  EXPECT_EQ(call.fields(), "X-Order: ab");
  EXPECT_EQ(pipeline.on_request(call.call, 2).kind(), Verdict::Kind::pass);
  EXPECT_EQ(call.fields(), "X-Order: abc");
}

TEST(Pipeline, gives_each_policy_its_own_memory_and_responses_the_reverse_order) {
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Pipeline pipeline;
  pipeline.add(std::make_unique<MarkingPolicy>("a"));
  pipeline.add(std::make_unique<MarkingPolicy>("b"));
  call.scratch[0] = &call;
  http::Head response(call.arena);
  pipeline.on_response(call.call, response);
  EXPECT_EQ(TestCall::text_of(response.fields), "X-Unseen: b|X-Order: ba");
}

TEST(Pipeline, chains_filters_in_order_and_in_reverse) {
  using fakes::BodyPolicy;
  TestCall call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  for (auto of : {BodyPolicy::Of::request, BodyPolicy::Of::response}) {
    Pipeline pipeline;
    pipeline.add(std::make_unique<BodyPolicy>(call.blocks, BodyPolicy::Does::double_bytes, of));
    pipeline.add(std::make_unique<MarkingPolicy>("m"));
    pipeline.add(std::make_unique<BodyPolicy>(call.blocks, BodyPolicy::Does::refuse_at_end, of));
    bool request = of == BodyPolicy::Of::request;
    BodyFilter* first =
        request ? pipeline.request_filters(call.call) : pipeline.response_filters(call.call);
    ASSERT_NE(first, nullptr);
    ASSERT_NE(first->next, nullptr);
    EXPECT_EQ(first->next->next, nullptr);
    Chain bytes;
    bytes.append_copy(call.blocks, "x");
    // The doubling one is the first on requests, the last on responses.
    EXPECT_EQ(first->feed(bytes, http::End::yes).kind(),
              request ? Verdict::Kind::pass : Verdict::Kind::refuse);
    EXPECT_EQ(request ? pipeline.response_filters(call.call) : pipeline.request_filters(call.call),
              nullptr);
  }
}

}  // namespace
}  // namespace sluice::policy
