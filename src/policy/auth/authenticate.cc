#include "policy/auth/authenticate.h"

#include <algorithm>

#include "policy/auth/jwt_problems.h"
#include "policy/auth/problems.h"

namespace sluice::policy {

using Finding = Authenticator::Finding;
using Outcome = Authenticator::Outcome;

namespace {

/// What the client is told when several refuse: the higher. A token that is another authenticator's says nothing; one
/// that nobody can judge at present may be good, which is not the client's fault.
enum class Weight : uint8_t { anothers, bad, unjudged };

Weight weight_of(const http::Problem& problem) {
  if (!is_clients_fault(problem)) return Weight::unjudged;
  return &problem == &kTokenIssuer || &problem == &kTokenMalformed ? Weight::anothers : Weight::bad;
}

}  // namespace

std::string Authenticate::describe() const {
  std::string out = needs_ == Needs::any ? "any of " : "all of ";
  if (authenticators_.size() == 1) out.clear();
  for (size_t i = 0; i < authenticators_.size(); ++i) {
    if (i > 0) out += "; ";
    out += std::string(authenticators_[i]->name()) + " (" + authenticators_[i]->describe() + ")";
  }
  return out + (credentials_ == Credentials::kept ? ", credentials kept" : "");
}

Wants Authenticate::wants() const {
  bool asks = false;
  for (const auto& authenticator : authenticators_) asks |= authenticator->asks();
  return {.request = true, .response = true, .end = asks};
}

void Authenticate::on_end(Call& call) const {
  if (call.scratch() == nullptr) return;
  for (const auto& authenticator : authenticators_) authenticator->on_end(call);
}

Outcome Authenticate::any(Call& call) const {
  Outcome refused = Outcome::refused(kCredentialsMissing);
  std::string_view refuser;
  bool bad = false;
  for (const auto& authenticator : authenticators_) {
    Outcome outcome = authenticator->authenticate(call);
    if (outcome.finding == Finding::accepted || outcome.finding == Finding::waiting) return outcome;
    if (outcome.finding == Finding::absent) continue;
    Weight weight = weight_of(*outcome.problem);
    if (refuser.empty() || weight > weight_of(*refused.problem)) {
      refused = outcome;
      refuser = authenticator->name();
    }
    bad |= weight == Weight::bad;
  }
  // A guess counts also beside a token that cannot be judged: or the outage of an issuer would make guesses free.
  call.findings().credential_refused = !refuser.empty() && (bad || is_clients_fault(*refused.problem));
  call.findings().rule = refuser;
  return refused;
}

// The identity is the first one's, but it ends with whichever credential ends first.
Outcome Authenticate::all(Call& call) const {
  Identity* first = nullptr;
  const Identity** next = nullptr;
  for (const auto& authenticator : authenticators_) {
    Outcome outcome = authenticator->authenticate(call);
    if (outcome.finding == Finding::waiting) return outcome;
    if (outcome.finding != Finding::accepted) {
      call.findings().identity = nullptr;
      call.findings().rule = authenticator->name();
      call.findings().credential_refused = outcome.finding == Finding::refused && is_clients_fault(*outcome.problem);
      return outcome.finding == Finding::absent ? Outcome::refused(kCredentialsMissing) : outcome;
    }
    for (const Identity* one = call.identity(); one != nullptr; one = one->beside) {   // a ticket brings several
      auto* own = call.arena().make<Identity>(*one);
      own->beside = nullptr;
      if (first == nullptr) first = own;
      else *next = own;
      first->expires = std::min(first->expires, own->expires);
      next = &own->beside;
    }
  }
  call.findings().identity = first;
  return Outcome::accepted();
}

Verdict Authenticate::on_request(Call& call) const {
  AuthNotes::of(call);
  Outcome outcome = needs_ == Needs::any ? any(call) : all(call);
  if (outcome.finding == Finding::waiting) return Verdict::wait(outcome.deadline, outcome.problem);
  bool accepted = outcome.finding == Finding::accepted;
  // A refused one is taken out too: what is logged of the request holds none.
  if (!accepted || credentials_ == Credentials::removed) {
    for (const auto& authenticator : authenticators_) authenticator->remove_credential(call.request(), call.arena());
  }
  if (accepted) return Verdict::pass();
  AuthNotes::of(call).refused = outcome.problem;
  return Verdict::refuse(*outcome.problem);
}

// Nobody looks for a credential there, so none stays, whatever the route says of those in the head.
void Authenticate::on_request_trailers(Call& call, http::Fields& trailers) const {
  http::Head head(call.arena());
  std::swap(head.fields, trailers);
  for (const auto& authenticator : authenticators_) authenticator->remove_credential(head, call.arena());
  std::swap(head.fields, trailers);
}

void Authenticate::on_response(Call& call, http::Head& response) const {
  if (call.scratch() == nullptr) {   // refused before it came here: what is logged of it holds no credential either
    for (const auto& authenticator : authenticators_) authenticator->remove_credential(call.request(), call.arena());
  }
  if (response.fields.has(http::FieldId::sec_websocket_protocol)) {
    for (const auto& authenticator : authenticators_) authenticator->clean_response(response);
  }
  const auto* notes = static_cast<const AuthNotes*>(call.scratch());
  if (notes == nullptr || notes->refused == nullptr || response.status != 401) return;
  const http::Problem* why = notes->refused == &kCredentialsMissing ? nullptr : notes->refused;
  for (const auto& authenticator : authenticators_) {
    std::string_view challenge = authenticator->challenge(call.arena(), why);
    if (!challenge.empty()) response.fields.add("WWW-Authenticate", challenge);
  }
}

}  // namespace sluice::policy
