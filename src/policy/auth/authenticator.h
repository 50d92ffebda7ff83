// One [auth.NAME]: finds its kind of credential in a request and judges it. Const and shared by all workers; what a
// worker caches lies in a PerWorker, what the world changes in a Live.
#pragma once

#include <string>
#include <string_view>

#include "http/problem.h"
#include "policy/policy.h"

namespace sluice::policy {

/// What is remembered of an accepted credential by what it opened and that outlives the request: a socket.
struct AcceptedCredential {
  std::string_view name;      // Identity::credential
  std::string_view subject;
  std::string_view handle;
  std::string_view token{};   // a secret; empty: recheck() needs none
};

/// needs: the identity to outlive it
inline AcceptedCredential accepted_credential(const Identity& identity) {
  return {identity.credential, identity.subject, identity.handle, identity.token};
}

/// Otherwise nobody could say whether the credential is good.
inline bool is_clients_fault(const http::Problem& problem) { return problem.status < 500; }

struct ShownTicket;

/// What is remembered of a request between two tries, and for its response: the scratch of Authenticate.
struct AuthNotes {
  const http::Problem* refused = nullptr;
  ShownTicket* tickets = nullptr;   // that it has shown (policy/ticket/)

  /// Of the request that is being judged.
  static AuthNotes& of(Call& call) {
    if (call.scratch() == nullptr) call.scratch() = call.arena().make<AuthNotes>();
    return *static_cast<AuthNotes*>(call.scratch());
  }
};

class Authenticator {
 public:
  enum class Finding : uint8_t {
    absent,     // the request has no credential of this kind: another authenticator may find its own
    accepted,   // call.identity() is set
    refused,    // there is one, and it is not good: another authenticator may still accept it
    waiting,    // took call.resume(), which will give Verdict::again(): it is asked once more then
  };
  struct Outcome {
    Finding finding;
    /// refused: what the client is told. waiting: what it is told when the deadline passes.
    const http::Problem* problem = nullptr;
    TimePoint deadline = kNever;   // of waiting

    static Outcome absent() { return {Finding::absent}; }
    static Outcome accepted() { return {Finding::accepted}; }
    static Outcome refused(const http::Problem& problem) { return {Finding::refused, &problem}; }
    static Outcome wait(TimePoint deadline, const http::Problem& if_late) {
      return {Finding::waiting, &if_late, deadline};
    }
  };

  virtual ~Authenticator() = default;
  virtual std::string_view name() const = 0;      // of [auth.NAME]
  /// One line for `explain`, without secrets.
  virtual std::string describe() const = 0;
  virtual Outcome authenticate(Call& call) const = 0;
  /// It may ask others on behalf of a request: on_end() is to be called.
  virtual bool asks() const { return false; }
  /// The request is over: whoever still waits for an answer for it does no more.
  virtual void on_end(Call&) const {}
  /// Counts the times that accepted credentials may have been taken back; 0 where nobody would learn of it.
  virtual uint32_t revocation_generation() const { return 0; }
  /// Whether a credential that was accepted has been taken back since. Any worker. cost: a look-up
  virtual bool revoked(const AcceptedCredential&) const { return false; }
  /// Where withdrawals show only when somebody is asked: for so many credentials at a time a worker may call recheck(),
  /// which leaves the most of what may be asked to requests. 0: nobody is asked
  virtual size_t rechecks_max(unsigned) const { return 0; }
  /// How a credential stands that was accepted. `call`: of no request; `since`: what was learnt before does not count.
  /// gives: accepted, with the time before which there is nothing new to be learnt as its deadline, kNever: not known;
  /// refused, with a status of 500 or more when nobody could say; waiting, as authenticate() does
  virtual Outcome recheck(Call&, const AcceptedCredential&, TimePoint /*since*/) const { return Outcome::accepted(); }
  /// The value of WWW-Authenticate that asks for this kind of credential (RFC 9110 section 11.6.1; RFC 6750 section 3
  /// for bearer tokens); empty: the kind has none. `problem`: why one was refused; null: there was none.
  /// gives: static text, or text of the arena
  virtual std::string_view challenge(Arena& arena, const http::Problem* problem) const = 0;
  /// Takes the credential out of the request, before it goes to the upstream.
  virtual void remove_credential(http::Head& request, Arena& arena) const = 0;
  /// Takes it out of a response in which an upstream that was shown it may have put it.
  virtual void clean_response(http::Head&) const {}
};

}  // namespace sluice::policy
