// A service of the user's own decides whether a request may pass (as nginx' auth_request and Envoy's ext_authz ask one):
// 2xx lets it pass, 401 and 403 are the client's answer, all else is no answer.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/per_worker.h"
#include "policy/ask/service_desk.h"
#include "policy/authorizer/authorizer_config.h"
#include "policy/facts.h"
#include "policy/policy.h"

namespace sluice::policy {

inline constexpr http::Problem kAuthorizerUnauthorized{
    401, "authorizer_unauthorized", "Unauthorized", "The request needs credentials that are accepted here."};
inline constexpr http::Problem kAuthorizerForbidden{403, "authorizer_forbidden", "Forbidden",
                                                    "The request is not allowed with these credentials."};
inline constexpr http::Problem kAuthorizerUnavailable{
    503, "authorizer_unavailable", "Service Unavailable",
    "Whether the request is allowed cannot be found out at the moment: try again later."};

inline constexpr const http::Problem* kAuthorizerProblems[] = {&kAuthorizerUnauthorized, &kAuthorizerForbidden,
                                                               &kAuthorizerUnavailable};

/// Of an answer's body, which nobody reads.
inline constexpr size_t kAuthorizerBytesMax = 64 * 1024;

/// What the service said.
struct Authorized {
  const http::Problem* problem = nullptr;   // null: the request may pass
  std::vector<std::pair<std::string, std::string>> fields;   // that passes: for the upstream; of a refusal: challenges
  size_t bytes() const;
};

/// One [authorizer.NAME], shared by the routes that name it and by all workers.
class AuthorizerService {
 public:
  AuthorizerService(std::string name, const AuthorizerConfig& config, upstream::FetchTrust tls, unsigned workers,
                    std::shared_ptr<observe::SharedServiceCounts> counts);

  Verdict on_request(Call& call) const;
  void on_response(Call& call, http::Head& response) const;
  std::string describe() const;
  void remove_copies(http::Fields& fields) const;

 private:
  using Desk = ServiceDesk<Authorized>;
  class Reader;
  struct Asked;
  struct Worker {
    std::shared_ptr<Desk> desk = std::make_shared<Desk>();   // held by open questions too
    uint64_t questions = 0;
  };
  struct OwnField {
    std::string name;
    Template value;
  };

  bool remembers() const { return cache_for_ != Duration::zero(); }
  template <class Visit>
  void each_field(Call& call, Visit visit) const;
  upstream::FetchRequest question(Call& call) const;
  QuestionKey key_of(Call& call, Worker& worker) const;
  Verdict ask(Call& call, Worker& worker, Asked& asked) const;
  Verdict judge(Call& call, Asked& asked, const Authorized& answer) const;
  Verdict without_answer() const;

  std::string name_;
  upstream::FetchUrl url_;
  upstream::FetchTrust tls_;
  std::vector<std::string> send_;
  std::vector<OwnField> set_;
  std::vector<std::string> copy_;
  std::vector<config::Fact> cache_key_;
  Duration timeout_;
  Duration cache_for_;
  size_t cache_bytes_;
  AuthorizerDown on_down_;
  std::shared_ptr<const Reader> reader_;
  std::shared_ptr<observe::SharedServiceCounts> counts_;
  PerWorker<Worker> workers_;
};

class Authorizer final : public Policy {
 public:
  explicit Authorizer(std::shared_ptr<const AuthorizerService> service) : service_(std::move(service)) {}
  std::string_view name() const override { return "authorizer"; }
  std::string describe() const override { return service_->describe(); }
  Wants wants() const override { return {.request = true, .response = true}; }
  Verdict on_request(Call& call) const override { return service_->on_request(call); }
  void on_response(Call& call, http::Head& response) const override { service_->on_response(call, response); }
  void on_request_trailers(Call&, http::Fields& trailers) const override { service_->remove_copies(trailers); }

 private:
  std::shared_ptr<const AuthorizerService> service_;
};

}  // namespace sluice::policy
