#include "policy/ticket/ticket.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/base64url.h"
#include "base/time_left.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "policy/auth/problems.h"
#include "policy/query.h"
#include "policy/ticket/packed_identity.h"
#include "policy/ticket/ticket_problems.h"

namespace sluice::policy {

using Outcome = Authenticator::Outcome;
using Standing = ShownTicket::Standing;

namespace {

constexpr size_t kTicketBytes = 32;         // nobody guesses one
constexpr size_t kTicketText = 43;          // those in base64url
constexpr size_t kPackedMax = 64 * 1024;    // an identity: above what the heads that it came with may have
constexpr Duration kTicketWaitMax = std::chrono::seconds(3);   // the command has a deadline of its own
constexpr Duration kLifetimeLeast = std::chrono::seconds(1);
constexpr std::string_view kStoredPrefix = "sluice:ticket:";
constexpr std::string_view kKeyPrefix = "sluice ticket seal ";   // no ticket begins so

TicketId id_of(const TicketOptions& options, std::string_view ticket) {
  crypto::Hasher hasher(options.sha256);
  hasher.add(ticket);
  TicketId id;
  hasher.finish(id.data());
  return id;
}

// Of what it stands for. It cannot be told from the id, which a Redis has.
crypto::Seal::Key key_of(const TicketOptions& options, std::string_view ticket) {
  crypto::Hasher hasher(options.sha256);
  hasher.add(kKeyPrefix);
  hasher.add(ticket);
  crypto::Seal::Key key;
  hasher.finish(key.data());
  return key;
}

std::string_view new_ticket(Arena& arena) {
  std::array<unsigned char, kTicketBytes> bytes;
  crypto::fill_random(bytes);
  return arena.copy(encode_base64url({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
}

std::string where_from(const TicketOptions& options) {
  return options.redis ? "in redis." + options.redis->name() : "in this process";
}

}  // namespace

TicketAuthenticator::TicketAuthenticator(std::shared_ptr<const TicketOptions> options)
    : options_(std::move(options)), subprotocol_(options_->subprotocol) {}

std::string TicketAuthenticator::describe() const {
  std::string out = "ticket in ";
  if (!options_->query.empty()) out += "the query's " + options_->query;
  if (!options_->query.empty() && !subprotocol_.empty()) out += " or ";
  if (!subprotocol_.empty()) out += "the subprotocol " + options_->subprotocol + ".*";
  return out + ", once, kept " + where_from(*options_);
}

TicketAuthenticator::Given TicketAuthenticator::find(const http::Head& request) const {
  Given given;
  if (request.upgrade.empty()) return given;
  Subprotocol::Given offered = subprotocol_.find(request);
  given = {offered.credential, offered.count};
  if (options_->query.empty()) return given;
  each_query_parameter(request.query, [&](const QueryParameter& parameter) {
    if (parameter.name != options_->query) return;
    given.ticket = parameter.value;
    ++given.count;
  });
  return given;
}

void TicketAuthenticator::remove_credential(http::Head& request, Arena& arena) const {
  subprotocol_.remove(request, arena);
  if (options_->query.empty() || !request.has_query) return;
  request.query = without_query_parameter(request.query, options_->query, arena);
  request.has_query = !request.query.empty();
}

ShownTicket* TicketAuthenticator::shown(Call& call) const {
  ShownTicket* ticket = AuthNotes::of(call).tickets;
  while (ticket != nullptr && ticket->by != this) ticket = ticket->next;
  return ticket;
}

Outcome TicketAuthenticator::authenticate(Call& call) const {
  if (ShownTicket* before = shown(call)) return settle(call, *before);
  Given given = find(call.request());
  if (given.count == 0) return Outcome::absent();
  // From here on nobody sees it, no log and no upstream, whatever becomes of the request.
  std::string_view ticket = call.arena().copy(given.ticket);
  remove_credential(call.request(), call.arena());
  auto* shown = call.arena().make<ShownTicket>();
  shown->by = this;
  shown->next = std::exchange(AuthNotes::of(call).tickets, shown);
  if (given.count > 1) return Outcome::refused(kCredentialsAmbiguous);
  if (ticket.size() == kTicketText) {
    shown->ticket = ticket;
    take(call, *shown);
  }
  return settle(call, *shown);
}

const Identity* TicketAuthenticator::open(Call& call, const ShownTicket& shown, std::string_view sealed) const {
  auto text = options_->seal.open(key_of(*options_, shown.ticket), sealed);
  return text ? unpack_identity(call.arena().copy(text->bytes()), call.arena()) : nullptr;
}

void TicketAuthenticator::take(Call& call, ShownTicket& shown) const {
  TicketId id = id_of(*options_, shown.ticket);
  if (options_->table) {
    auto sealed = options_->table->take(id, call.clock().wall());
    if (sealed) shown.identity = open(call, shown, *sealed);
    shown.standing = shown.identity ? Standing::taken : Standing::unknown;
    return;
  }
  shown.standing = Standing::asked;
  if (call.reach() == nullptr) return;   // explain: nobody answers
  std::array<std::string_view, 2> command{"GETDEL", stored_name(kStoredPrefix, id, call.arena())};
  bool asked = shown.question.ask(*options_->redis, call.worker(), command, call.arena());
  if (!asked) shown.standing = Standing::unavailable;
}

Outcome TicketAuthenticator::settle(Call& call, ShownTicket& shown) const {
  if (shown.standing == Standing::asked && shown.question.state() != StoreQuestion::State::none) {
    bool known = shown.question.state() == StoreQuestion::State::answered;
    bool there = known && shown.question.type() == redis::Reply::Type::text;
    if (there) shown.identity = open(call, shown, shown.question.text());
    shown.standing = !known ? Standing::unavailable : shown.identity ? Standing::taken : Standing::unknown;
  }
  switch (shown.standing) {
    case Standing::taken: break;
    case Standing::unknown: return Outcome::refused(kTicketUnknown);
    case Standing::unavailable: return Outcome::refused(kTicketStoreUnavailable);
    case Standing::asked:
      shown.question.wake(call.resume());
      return Outcome::wait(call.clock().now() + kTicketWaitMax, kTicketStoreUnavailable);
  }
  if (shown.identity->expires <= call.clock().wall()) return Outcome::refused(kTicketUnknown);
  call.findings().identity = shown.identity;
  return Outcome::accepted();
}

void TicketAuthenticator::on_end(Call& call) const {
  if (ShownTicket* ticket = shown(call)) ticket->question.cancel();
}

/// Of one request.
struct IssueTicket::Issued {
  std::string_view ticket;
  Duration lives{};
  StoreQuestion question;
};

std::string IssueTicket::describe() const {
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_->lifetime).count();
  return "answers with a ticket for auth." + options_->name + ", good for " + std::to_string(seconds) + " s, kept " +
         where_from(*options_);
}

Verdict IssueTicket::on_request(Call& call) const {
  if (call.identity() == nullptr) return Verdict::refuse(kCredentialsMissing);
  if (call.scratch() == nullptr) {
    auto* issued = call.arena().make<Issued>();
    call.scratch() = issued;
    issued->ticket = new_ticket(call.arena());
    Duration left = options_->lifetime;
    if (call.identity()->expires != WallTime::max()) {
      left = std::min(left, time_left(call.identity()->expires, call.clock().wall()));
    }
    issued->lives = std::max<Duration>(left, kLifetimeLeast);
    return put(call, *issued);
  }
  const auto& issued = *static_cast<const Issued*>(call.scratch());
  bool kept = issued.question.state() == StoreQuestion::State::answered &&
              issued.question.type() == redis::Reply::Type::status;
  return kept ? answer(call, issued) : Verdict::refuse(kTicketStoreUnavailable);
}

Verdict IssueTicket::put(Call& call, Issued& issued) const {
  crypto::Secret text(pack_identity(*call.identity()));
  if (text.bytes().size() > kPackedMax) return Verdict::refuse(kTicketsFull);
  std::string sealed = options_->seal.close(key_of(*options_, issued.ticket), text.bytes());
  TicketId id = id_of(*options_, issued.ticket);
  if (options_->table) {
    WallTime now = call.clock().wall();
    auto until = now + std::chrono::duration_cast<WallTime::duration>(issued.lives);
    return options_->table->put(id, std::move(sealed), until, now) ? answer(call, issued) : Verdict::refuse(kTicketsFull);
  }
  std::array<std::string_view, 5> command{"SET", stored_name(kStoredPrefix, id, call.arena()), sealed, "PX",
                                          stored_milliseconds(issued.lives, call.arena())};
  bool asked = call.reach() == nullptr || issued.question.ask(*options_->redis, call.worker(), command, call.arena());
  if (!asked) return Verdict::refuse(kTicketStoreUnavailable);
  issued.question.wake(call.resume());
  return Verdict::wait(call.clock().now() + kTicketWaitMax, &kTicketStoreUnavailable);
}

Verdict IssueTicket::answer(Call& call, const Issued& issued) const {
  Arena& arena = call.arena();
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(issued.lives).count();
  std::string body = "{\"ticket\":\"" + std::string(issued.ticket) + "\",\"expires_in\":";
  body += std::to_string(seconds) + "}\n";
  auto* head = arena.make<http::Head>(arena);
  head->status = 200;
  head->fields.add(http::FieldId::content_type, "application/json");
  head->fields.add(http::FieldId::cache_control, "no-store");
  return Verdict::reply(*arena.make<Reply>(Reply{head, arena.copy(body)}));
}

void IssueTicket::on_end(Call& call) const {
  if (call.scratch() != nullptr) static_cast<Issued*>(call.scratch())->question.cancel();
}

}  // namespace sluice::policy
