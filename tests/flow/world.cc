#include "flow/world.h"

namespace sluice::flow {

Client::Client(World& world, const server::ClientFacts& facts) : world_(world) {
  events = &world.engine.accept(stream, facts);
}

void Client::head(std::string_view text, std::optional<http::Version> version) {
  Scheduler::Turn turn(world_.scheduler);
  Arena& arena = events->arena();
  request = arena.make<http::Head>(arena);
  http::H1Limits limits;
  const http::Problem* problem =
      http::parse_request_head(arena.copy(text), limits, arena, *request);
  ASSERT_EQ(problem, nullptr) << problem->code;
  if (version) request->version = *version;
  events->on_head(*request);
}

void Client::body(std::string_view bytes) {
  Scheduler::Turn turn(world_.scheduler);
  Chain chain;
  chain.append_copy(world_.blocks, bytes);
  events->on_body(std::move(chain));
}

void Client::trailers(std::string_view name, std::string_view value) {
  Scheduler::Turn turn(world_.scheduler);
  Arena& arena = events->arena();
  auto* fields = arena.make<http::Fields>(arena);
  fields->add(name, value);
  events->on_trailers(*fields);
}

void Client::end() {
  Scheduler::Turn turn(world_.scheduler);
  events->on_end();
}

void Client::ask(std::string_view text) {
  Scheduler::Turn turn(world_.scheduler);
  head(text);
  end();
}

void Client::reset(Code code) {
  Scheduler::Turn turn(world_.scheduler);
  ASSERT_FALSE(stream.gone) << "nobody is left to be told";
  stream.vanish();
  events->on_reset(Error{code, Side::client, Progress::sent, "fake"});
}

void Client::refused(const http::Problem& problem) {
  Scheduler::Turn turn(world_.scheduler);
  ASSERT_FALSE(stream.gone) << "nobody is left to be told";
  if (request == nullptr) request = events->arena().make<http::Head>(events->arena());
  events->on_refused(problem, *request);
}

void Client::give_credit(size_t bytes) {
  Scheduler::Turn turn(world_.scheduler);
  ASSERT_FALSE(stream.gone) << "nobody is left to be told";
  stream.set_credit(bytes);
  events->on_credit();
}

std::string Client::problem() const {
  std::string_view key = "\"type\":\"https://sluice.dev/errors#";
  size_t at = stream.body.find(key);
  if (at == std::string::npos) return "";
  at += key.size();
  return stream.body.substr(at, stream.body.find('"', at) - at);
}

World::World(std::string_view routes, std::string_view top, size_t endpoints)
    : upstream(endpoints) {
  std::string text = std::string(top) + std::string(kBase) + std::string(routes);
  snapshot::LoadedConfig loaded = snapshot::load_config_text("flow.toml", text);
  EXPECT_FALSE(loaded.has_errors()) << loaded.issues_text();
  auto built = snapshot::build(std::move(loaded.config), nullptr, registry);
  CHECK(built.has_value());
  lease.snapshot = *built;
  lease.upstreams.assign(lease.snapshot->upstreams.size(), &upstream);
  engine.publish(lease);
}

World::~World() {
  EXPECT_EQ(engine.exchanges(), 0U) << "an exchange did not end";
  EXPECT_EQ(lease.exchanges, 0U);
  for (Client& client : clients) {
    if (engine.exchanges() > 0 && !client.stream.gone) client.reset();
  }
  // The pool's own scratch block may stay; what a stream or an exchange held may not.
  EXPECT_LE(blocks.blocks_out(), 1U) << "blocks leaked";
}

Client& World::client(const char* ip) {
  server::ClientFacts& who = facts.emplace_back();
  who.ip = *IpAddress::parse(ip);
  who.port = 40'000;
  who.listener = lease.snapshot->listeners[0]->settings.get();
  return clients.emplace_back(*this, who);
}

void World::pass(Duration time) {
  // In steps, as a loop's wheel is turned: what a timer starts is seen by the next step.
  constexpr Duration kStep = std::chrono::milliseconds(100);
  for (Duration done{}; done < time; done += kStep) {
    Scheduler::Turn turn(scheduler);
    clock.advance(kStep);
    timers.advance(clock.now());
  }
}

void World::add_policy(std::string_view route, std::unique_ptr<const policy::Policy> policy) {
  for (const snapshot::RouteEntry& entry : lease.snapshot->routes) {
    if (entry.part->name != route) continue;
    const_cast<snapshot::RoutePart&>(*entry.part)
        .pipeline.add(std::move(policy));  // made non-const by build()
    return;
  }
  FAIL() << "no route " << route;
}

void World::respond_head(std::string_view text) {
  Scheduler::Turn turn(scheduler);
  UpstreamSide& side = upstream_side();
  ASSERT_FALSE(side.stream.gone) << "nobody is left to be told";
  Arena& arena = side.events->arena();
  auto* head = arena.make<http::Head>(arena);
  http::H1Limits limits;
  http::Method method = http::method_from(side.stream.head->method);
  Result<void> parsed = http::parse_response_head(arena.copy(text), limits, method, arena, *head);
  ASSERT_TRUE(parsed) << parsed.error().what;
  side.events->on_head(*head);
  if (head->body == http::Body::none && head->status != 101) side.events->on_end();
}

void World::respond_body(std::string_view bytes) {
  Scheduler::Turn turn(scheduler);
  Chain chain;
  chain.append_copy(blocks, bytes);
  upstream_side().events->on_body(std::move(chain));
}

void World::respond_end() {
  Scheduler::Turn turn(scheduler);
  upstream_side().events->on_end();
}

void World::respond_informational(uint16_t status) {
  Scheduler::Turn turn(scheduler);
  Arena& arena = upstream_side().events->arena();
  auto* head = arena.make<http::Head>(arena);
  head->status = status;
  upstream_side().events->on_informational(*head);
}

void World::respond(std::string_view text, std::string_view body) {
  Scheduler::Turn turn(scheduler);
  respond_head(text);
  respond_body(body);
  respond_end();
}

void World::reset_upstream(Code code, Progress progress) {
  Scheduler::Turn turn(scheduler);
  UpstreamSide& side = upstream_side();
  ASSERT_FALSE(side.stream.gone) << "nobody is left to be told";
  side.stream.vanish();
  side.events->on_reset(Error{code, Side::upstream, progress, "fake"});
}

}  // namespace sluice::flow
