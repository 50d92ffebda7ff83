#include "policy/authorizer/authorizer.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "http/token.h"
#include "policy/headers.h"

namespace sluice::policy {
namespace {

/// So long no answer is kept as one: requests that wait for it find it, and a service that is away is not asked for
/// each of them.
constexpr Duration kFailureKept = std::chrono::seconds(1);

constexpr std::string_view kChallenge = "WWW-Authenticate";

std::vector<std::string> texts_of(const std::vector<config::Placed<std::string>>& placed) {
  std::vector<std::string> out;
  for (const auto& text : placed) out.push_back(text.value);
  return out;
}

}  // namespace

size_t Authorized::bytes() const {
  size_t bytes = fields.capacity() * sizeof(fields[0]);
  for (const auto& [name, value] : fields) bytes += name.capacity() + value.capacity();
  return bytes;
}

/// What an answer says.
class AuthorizerService::Reader final : public AnswerReader<Authorized> {
 public:
  Reader(std::string name, Duration cache_for) : name_(std::move(name)), cache_for_(cache_for) {}

  Reading read(Result<upstream::FetchResponse, std::string> answer, const Held*, TimePoint now, WallTime) const override {
    using enum observe::ServiceOutcome;
    Held held{{&kAuthorizerUnavailable, {}}, now + std::max(cache_for_, kFailureKept)};
    bool passes = answer && answer->status >= 200 && answer->status < 300;
    bool refuses = answer && (answer->status == 401 || answer->status == 403);
    if (!passes && !refuses) {
      LOG(error, "authorizer gave no answer", kv("authorizer", name_),
          kv("reason", answer ? "status " + std::to_string(answer->status) : answer.error()));
      held.fresh_until = now + kFailureKept;
      return {std::move(held), failed};
    }
    held.value.problem = passes ? nullptr : answer->status == 401 ? &kAuthorizerUnauthorized : &kAuthorizerForbidden;
    for (auto& field : answer->fields) {
      bool challenge = equals_ignore_case(field.first, kChallenge);
      if (challenge == refuses) held.value.fields.push_back(std::move(field));
    }
    return {std::move(held), passes ? accepted : refused};
  }

 private:
  std::string name_;
  Duration cache_for_;
};

/// What one request has asked.
struct AuthorizerService::Asked {
  QuestionKey key;
  const http::Problem* refused = nullptr;
  std::span<std::string_view> challenges;
};

AuthorizerService::AuthorizerService(std::string name, const AuthorizerConfig& config, upstream::FetchTrust tls,
                                     unsigned workers, std::shared_ptr<observe::SharedServiceCounts> counts)
    : name_(std::move(name)), url_(*upstream::FetchUrl::parse(config.url->value)), tls_(std::move(tls)),
      send_(texts_of(config.send)), copy_(texts_of(config.copy)), timeout_(config.timeout),
      cache_for_(config.cache_for), cache_bytes_(config.cache.count / std::max(1U, workers)), on_down_(config.on_down),
      reader_(std::make_shared<const Reader>(name_, config.cache_for)), counts_(std::move(counts)) {
  for (const auto& field : config.set) set_.push_back({field.name, Template(field.value.value)});
  for (const auto& fact : config.cache_key) cache_key_.push_back(fact.value);
}

std::string AuthorizerService::describe() const {
  return name_ + " at " + url_.text() + (on_down_ == AuthorizerDown::open ? ", open while it is away" : "");
}

Verdict AuthorizerService::on_request(Call& call) const {
  Worker& worker = workers_.of(call.worker());
  auto* asked = static_cast<Asked*>(call.scratch());
  if (asked == nullptr) {
    call.scratch() = asked = call.arena().make<Asked>();
    remove_copies(call.request().fields);
    asked->key = key_of(call, worker);
  }
  const auto* held = worker.desk->answers().find(asked->key);
  if (held != nullptr && held->fresh_until > call.clock().now()) return judge(call, *asked, held->value);
  return ask(call, worker, *asked);
}

Verdict AuthorizerService::ask(Call& call, Worker& worker, Asked& asked) const {
  Desk& desk = *worker.desk;
  if (const Reach* reach = call.reach(); reach != nullptr && !desk.answers().asked(asked.key)) {
    if (!desk.ask(asked.key, question(call), {*reach, call.clock(), reader_, cache_bytes_, counts_})) return without_answer();
  }
  desk.answers().wait(asked.key, call.resume());
  // The question has its own deadline; this one is for the case that its answer comes too late to be told.
  Verdict late = without_answer();
  return Verdict::wait(call.clock().now() + timeout_ + std::chrono::seconds(1), late.problem());
}

Verdict AuthorizerService::judge(Call& call, Asked& asked, const Authorized& answer) const {
  if (answer.problem == &kAuthorizerUnavailable) return without_answer();
  Arena& arena = call.arena();
  if (answer.problem != nullptr) {
    auto* challenges = arena.array<std::string_view>(answer.fields.size());
    for (size_t i = 0; i < answer.fields.size(); ++i) challenges[i] = arena.copy(answer.fields[i].second);
    asked.challenges = {challenges, answer.fields.size()};
    asked.refused = answer.problem;
    call.findings().rule = name_;
  } else {
    http::Fields& fields = call.request().fields;
    for (const auto& [name, value] : answer.fields) fields.add(arena.copy(name), arena.copy(value));
  }
  if (!remembers()) workers_.of(call.worker()).desk->answers().forget(asked.key);
  return asked.refused ? Verdict::refuse(*asked.refused) : Verdict::pass();
}

Verdict AuthorizerService::without_answer() const {
  return on_down_ == AuthorizerDown::closed ? Verdict::refuse(kAuthorizerUnavailable) : Verdict::pass();
}

// F5: what only the service may say is never the client's, in any spelling.
void AuthorizerService::remove_copies(http::Fields& fields) const {
  if (copy_.empty()) return;
  fields.remove_if([this](const http::Field& field) {
    return std::ranges::any_of(copy_, [&](const std::string& name) { return same_header_name(field.name(), name); });
  });
}

void AuthorizerService::on_response(Call& call, http::Head& response) const {
  const auto* asked = static_cast<const Asked*>(call.scratch());
  if (asked == nullptr || asked->refused == nullptr || response.status != asked->refused->status) return;
  for (std::string_view challenge : asked->challenges) response.fields.add(kChallenge, challenge);
}

/// Calls visit(name, value) for every field of the question that is not the same for all.
template <class Visit>
void AuthorizerService::each_field(Call& call, Visit visit) const {
  const http::Head& request = call.request();
  visit("X-Forwarded-Method", http::method_name(request.method));
  visit("X-Forwarded-Proto", call.client().scheme == http::Scheme::https ? "https" : "http");
  visit("X-Forwarded-Host", request.authority);
  visit("X-Forwarded-Uri", request.has_query ? call.arena().join(request.path, "?", request.query) : request.path);
  if (!call.client().ip.is_none()) visit("X-Forwarded-For", call.client().ip.to_string());
  for (const std::string& name : send_) {
    for (const http::Field& field : request.fields) {
      if (equals_ignore_case(field.name(), name)) visit(name, field.value());
    }
  }
  for (const OwnField& field : set_) {
    auto value = field.value.render(call);
    if (value && http::is_field_value(*value)) visit(field.name, *value);
  }
}

upstream::FetchRequest AuthorizerService::question(Call& call) const {
  upstream::FetchRequest out;
  out.url = url_;
  out.tls = tls_;
  out.deadline = timeout_;
  out.bytes_max = kAuthorizerBytesMax;
  out.wanted = copy_;
  out.wanted.emplace_back(kChallenge);
  each_field(call, [&out](std::string_view name, std::string_view value) { out.headers.emplace_back(name, value); });
  return out;
}

QuestionKey AuthorizerService::key_of(Call& call, Worker& worker) const {
  std::string all;
  auto add = [&all](std::string_view text) {   // behind its length: none can be taken for another
    all.append(std::to_string(text.size())).append(":").append(text);
  };
  if (!remembers()) {
    add(std::to_string(++worker.questions));   // nobody else's
  } else if (cache_key_.empty()) {
    each_field(call, [&add](std::string_view name, std::string_view value) {
      add(name);
      add(value);
    });
  } else {
    for (const config::Fact& fact : cache_key_) {
      auto value = fact_value(fact, call);
      add(value ? "1" : "0");
      add(value.value_or(""));
    }
  }
  return worker.desk->answers().key_of({all});
}

}  // namespace sluice::policy
