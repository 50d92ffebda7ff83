// Tickets: what a page gets with its credentials, and shows once to open a WebSocket, whose handshake can hold no other.
// A route gives them away (IssueTicket), an [auth.NAME] takes them (TicketAuthenticator); between the two they are kept
// in one table of the process, or in a Redis for several gateways, sealed: only who shows the ticket brings the key.
#pragma once

#include <memory>
#include <string>

#include "crypto/digest.h"
#include "crypto/seal.h"
#include "policy/ask/store_question.h"
#include "policy/auth/authenticator.h"
#include "policy/auth/subprotocol.h"
#include "policy/ticket/shared_tickets.h"

namespace sluice::policy {

/// Of [auth.NAME] with type = "ticket".
struct TicketOptions {
  std::string name;
  std::string query;         // the parameter that may hold one; empty: none
  std::string subprotocol;   // see Subprotocol
  Duration lifetime{};
  crypto::Digest sha256{crypto::Hash::sha256};
  crypto::Seal seal;
  std::shared_ptr<SharedTickets> table;             // null: in the Redis
  std::shared_ptr<const redis::Instance> redis;
};

/// A ticket that a request has shown, and what has come of it.
struct ShownTicket {
  enum class Standing : uint8_t { taken, unknown, asked, unavailable };
  const Authenticator* by = nullptr;
  std::string_view ticket;              // a secret
  Standing standing = Standing::unknown;
  const Identity* identity = nullptr;   // of `taken`
  StoreQuestion question;               // of `asked`
  ShownTicket* next = nullptr;
};

class TicketAuthenticator final : public Authenticator {
 public:
  explicit TicketAuthenticator(std::shared_ptr<const TicketOptions> options);

  std::string_view name() const override { return options_->name; }
  std::string describe() const override;
  /// The identity is the one that the ticket was issued for: its authenticator's, with its end and its handle.
  Outcome authenticate(Call& call) const override;
  bool asks() const override { return options_->redis != nullptr; }
  void on_end(Call& call) const override;
  std::string_view challenge(Arena&, const http::Problem*) const override { return {}; }
  void remove_credential(http::Head& request, Arena& arena) const override;
  void clean_response(http::Head& response) const override { subprotocol_.clean(response); }

 private:
  struct Given {
    std::string_view ticket;
    size_t count = 0;
  };
  Given find(const http::Head& request) const;
  ShownTicket* shown(Call& call) const;
  void take(Call& call, ShownTicket& shown) const;
  const Identity* open(Call& call, const ShownTicket& shown, std::string_view sealed) const;
  Outcome settle(Call& call, ShownTicket& shown) const;

  std::shared_ptr<const TicketOptions> options_;
  Subprotocol subprotocol_;
};

/// Answers whoever was let in with a ticket: the end of a route.
class IssueTicket final : public Policy {
 public:
  explicit IssueTicket(std::shared_ptr<const TicketOptions> options) : options_(std::move(options)) {}

  std::string_view name() const override { return "ticket"; }
  std::string describe() const override;
  Wants wants() const override { return {.request = true, .end = true}; }
  Verdict on_request(Call& call) const override;
  void on_end(Call& call) const override;

 private:
  struct Issued;
  Verdict put(Call& call, Issued& issued) const;
  Verdict answer(Call& call, const Issued& issued) const;

  std::shared_ptr<const TicketOptions> options_;
};

}  // namespace sluice::policy
