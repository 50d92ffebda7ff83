// The interface of everything that judges or changes a request. Policies are const, compiled configuration,
// shared by all workers; what changes lives in the request's scratch or in the worker's slot.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/ip.h"
#include "base/named_value.h"
#include "crypto/client_certificate.h"
#include "http/message.h"
#include "observe/metrics.h"
#include "policy/identity.h"
#include "policy/resume.h"
#include "policy/verdict.h"

namespace sluice::policy {

/// Who sent the request, after trusted proxies were believed.
struct Client {
  IpAddress ip;
  uint16_t port = 0;
  http::Scheme scheme = http::Scheme::http;
  /// What it showed in the TLS handshake, verified by the listener; null: nothing, or it was not asked.
  const crypto::ClientCertificate* certificate = nullptr;
};

struct LimitReport;
struct Reach;
struct SignedRequest;

/// What the policies of a request found out about it, for the log and for each other.
struct Findings {
  const Identity* identity = nullptr;   // null: not known, or not asked
  /// What decided, by its name in the configuration: a [limit.NAME], a rule of `allow`, the [auth.NAME] that refused.
  /// A policy that knows sets it, when it refuses and when it lets pass; the last one counts. Empty: nothing of a name
  /// did. The audit log has it as "rule". needs: text that outlives the request
  std::string_view rule;
  std::string_view policy;              // that refused or answered, by Policy::name(); set by the engine
  bool credential_refused = false;      // there was one, and it was not good
  LimitReport* limits = nullptr;        // where the request stands (policy/limit/); null: no limit was asked
  SignedRequest* signatures = nullptr;  // what signatures were good (policy/signature/); null: none so far
};

/// Of the matched path; "**" names the tail.
using Param = NamedValue;

/// One request, as its policies see it.
class Call {
 public:
  http::Head& request() const { return *request_; }
  Arena& arena() const { return *arena_; }
  const Client& client() const { return *client_; }
  std::string_view route() const { return route_; }
  std::string_view request_id() const { return request_id_; }
  std::span<const Param> params() const { return params_; }
  const Clock& clock() const { return *clock_; }
  Random& random() const { return *random_; }
  /// Which worker this is, for PerWorker state.
  unsigned worker() const { return worker_; }
  observe::Shard& shard() const { return *shard_; }
  /// Ways out of the worker (policy/reach.h); null where nobody answers (explain): what is asked then never comes.
  const Reach* reach() const { return reach_; }
  Findings& findings() { return findings_; }
  const Findings& findings() const { return findings_; }
  const Identity* identity() const { return findings_.identity; }
  /// The token for a late answer; return Verdict::wait after taking it.
  Resume resume() { return Resume(*desk_, ticket_ = desk_->issue(*waiter_)); }
  /// Memory of this policy in this request: null until the policy sets it (on_response may see null, when
  /// the request was refused before this policy saw it).
  void*& scratch() { return scratch_[current_]; }

  // Set by the engine.
  http::Head* request_ = nullptr;
  Arena* arena_ = nullptr;
  const Client* client_ = nullptr;
  const Clock* clock_ = nullptr;
  Random* random_ = nullptr;
  ResumeDesk* desk_ = nullptr;
  Waiter* waiter_ = nullptr;
  std::string_view route_;
  std::string_view request_id_;
  std::span<const Param> params_;
  ResumeDesk::Ticket ticket_{};
  void** scratch_ = nullptr;
  uint32_t current_ = 0;
  unsigned worker_ = 0;
  observe::Shard* shard_ = nullptr;
  const Reach* reach_ = nullptr;
  Findings findings_;
};

/// Sees a body pass by. May hold bytes back, change them, or refuse.
class BodyFilter {
 public:
  /// `bytes` in and out; a filter that may refuse at the end holds back the last block, so that the other
  /// side never gets a complete bad message. gives: pass or refuse
  virtual Verdict feed(Chain& bytes, http::End end) = 0;
  BodyFilter* next = nullptr;   // the engine's chain

 protected:
  ~BodyFilter() = default;      // lives in the arena
};

/// What a policy takes part in; asked once, when the pipeline is built.
struct Wants {
  bool request = false;
  bool response = false;
  bool request_body = false;
  bool response_body = false;
  bool end = false;
  bool whole_request = false;   // needs the request body before it decides: `explain` says so (G8)
};

/// What a request has of a policy, and the WebSocket that it becomes keeps: given back when this is destroyed.
class Tenure {
 public:
  virtual ~Tenure() = default;
  std::unique_ptr<Tenure> next;   // of another policy
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual std::string_view name() const = 0;
  /// One line for `explain`: what it will do, without secrets.
  virtual std::string describe() const = 0;
  virtual Wants wants() const = 0;
  virtual Verdict on_request(Call&) const { return Verdict::pass(); }
  /// In reverse order, on every response, ours too.
  virtual void on_response(Call&, http::Head&) const {}
  /// Takes out of trailers what this policy would not let stand in the head: no back door. At any time, also before
  /// on_request or where that was not asked.
  virtual void on_request_trailers(Call&, http::Fields&) const {}
  /// Of interim responses (1xx) too.
  virtual void on_response_trailers(Call&, http::Fields&) const {}
  /// Once, when the exchange is over, however it ended: gives back what the request held. In reverse order.
  virtual void on_end(Call&) const {}
  /// The request has become a WebSocket, and on_end is to come. gives: null: nothing is kept. The policy outlives it
  virtual std::unique_ptr<Tenure> on_tunnel(Call&) const { return nullptr; }
  virtual BodyFilter* request_body(Call&) const { return nullptr; }
  virtual BodyFilter* response_body(Call&) const { return nullptr; }
};

}  // namespace sluice::policy
