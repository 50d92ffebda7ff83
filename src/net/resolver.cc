#include "net/resolver.h"

#include <ares.h>
#include <netinet/in.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "net/address.h"

namespace sluice::net {
namespace {

constexpr size_t kNameBytesMax = 253;   // RFC 1035 section 2.3.4, as text

Error failed(Code code, const char* what) {
  return Error{code, Side::upstream, Progress::unsent, what};
}

Error error_from(int status) {
  const char* what = ares_strerror(status);   // static text
  switch (status) {
    case ARES_ENOTFOUND: case ARES_ENODATA: case ARES_ENONAME:
      return failed(Code::resolve_failed, what);
    case ARES_ETIMEOUT: case ARES_ECONNREFUSED: return failed(Code::timeout, what);
    case ARES_EBADNAME: return failed(Code::bad_value, what);
    default: return failed(Code::internal, what);
  }
}

int system_family(AddressFamily family) {
  switch (family) {
    case AddressFamily::any: return AF_UNSPEC;
    case AddressFamily::v4: return AF_INET;
    case AddressFamily::v6: return AF_INET6;
  }
  return AF_UNSPEC;
}

Result<Resolved> collect(const ares_addrinfo& found) {
  Resolved resolved;
  int ttl = std::numeric_limits<int>::max();
  for (const ares_addrinfo_node* node = found.nodes; node; node = node->ai_next) {
    IpAddress ip = SocketAddress::from(node->ai_addr, node->ai_addrlen).ip();
    auto& all = resolved.addresses;
    if (!ip.is_none() && std::find(all.begin(), all.end(), ip) == all.end()) all.push_back(ip);
    ttl = std::min(ttl, node->ai_ttl);
  }
  for (const ares_addrinfo_cname* alias = found.cnames; alias; alias = alias->next) {
    ttl = std::min(ttl, alias->ttl);
  }
  if (resolved.addresses.empty()) return failed(Code::resolve_failed, "no address");
  resolved.ttl = std::chrono::seconds(std::max(ttl, 0));
  return resolved;
}

}  // namespace

Result<std::unique_ptr<Resolver>> Resolver::make(Loop& loop, const ResolverOptions& options) {
  std::unique_ptr<Resolver> made(new Resolver(loop));
  ares_options settings{};
  settings.timeout = static_cast<int>(options.timeout.count());
  settings.tries = options.tries;
  settings.sock_state_cb = &Resolver::on_socket_state;
  settings.sock_state_cb_data = made.get();
  char lookups[] = "fb";   // /etc/hosts first, then DNS
  settings.lookups = lookups;
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS;
  if (int status = ares_init_options(&made->channel_, &settings, mask); status != ARES_SUCCESS) {
    made->channel_ = nullptr;
    return failed(Code::internal, ares_strerror(status));
  }
  if (!options.servers.empty() &&
      ares_set_servers_ports_csv(made->channel_, options.servers.c_str()) != ARES_SUCCESS) {
    return failed(Code::bad_value, "the list of DNS servers cannot be read");
  }
  return made;
}

Resolver::~Resolver() {
  if (channel_) ares_destroy(channel_);   // answers every open question and closes every socket
  CHECK(polls_.empty());
}

void Resolver::on_socket_state(void* self, int socket, int readable, int writable) {
  auto* resolver = static_cast<Resolver*>(self);
  int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  events == 0 ? resolver->unwatch(socket) : resolver->watch(socket, events);
}

void Resolver::watch(int socket, int events) {
  auto [at, fresh] = polls_.try_emplace(socket, nullptr);
  if (fresh) {
    at->second = new Poll{{}, this, socket, 0};
    at->second->handle.data = at->second;
    CHECK(uv_poll_init(loop_->uv(), &at->second->handle, socket) == 0);
  }
  at->second->events = events;
  CHECK(uv_poll_start(&at->second->handle, events, &Resolver::on_poll) == 0);
}

void Resolver::unwatch(int socket) {
  auto at = polls_.find(socket);
  if (at == polls_.end()) return;
  Poll* poll = at->second;
  polls_.erase(at);
  poll->resolver = nullptr;
  uv_poll_stop(&poll->handle);   // now: c-ares closes the socket when this returns
  uv_close(reinterpret_cast<uv_handle_t*>(&poll->handle),
           [](uv_handle_t* handle) { delete static_cast<Poll*>(handle->data); });
}

void Resolver::on_poll(uv_poll_t* handle, int status, int events) {
  auto* poll = static_cast<Poll*>(handle->data);
  Resolver* resolver = poll->resolver;
  if (resolver == nullptr) return;
  LoopTurn turn(*resolver->loop_);
  int socket = poll->socket;
  // UV_EBADF stands for EPOLLERR, and libuv has stopped polling: c-ares must look at the socket
  // itself, or it would never learn of a refused or reset query.
  if (status < 0) events = UV_READABLE | UV_WRITABLE;
  resolver->process(events & UV_READABLE ? socket : ARES_SOCKET_BAD,
                    events & UV_WRITABLE ? socket : ARES_SOCKET_BAD);
  if (status >= 0) return;
  if (auto at = resolver->polls_.find(socket); at != resolver->polls_.end()) {
    resolver->watch(socket, at->second->events);
  }
}

void Resolver::process(int readable, int writable) {
  ares_process_fd(channel_, readable, writable);
  arm_timer();
}

void Resolver::on_timer(Timer&) { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }

void Resolver::arm_timer() {
  timeval wait{};
  if (ares_timeout(channel_, nullptr, &wait) == nullptr) return timer_.stop();
  Duration delay = std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
  timer_.start(loop_->timers(), loop_->clock().now() + delay, *this);
}

void Resolver::on_answer(void* ticket, int status, int, ares_addrinfo* found) {
  std::unique_ptr<Query::Ticket> own(static_cast<Query::Ticket*>(ticket));
  Query* query = own->query;
  if (query) {
    query->ticket_ = nullptr;
    // The resolver goes: there is nobody left to drive an answer.
    if (status == ARES_EDESTRUCTION) {
      query->stop();
    } else {
      query->take(status == ARES_SUCCESS ? collect(*found) : Result<Resolved>(error_from(status)));
    }
  }
  if (found) ares_freeaddrinfo(found);
}

Resolver::Query::Query(Resolver& resolver)
    : Task(resolver.loop_->scheduler()), resolver_(&resolver) {}

void Resolver::Query::start(std::string_view name, AddressFamily family, Answer& answer) {
  stop();
  answer_ = &answer;
  if (auto ip = IpAddress::parse(name)) {
    bool fits = family == AddressFamily::any || ip->is_v4() == (family == AddressFamily::v4);
    if (!fits) return take(failed(Code::resolve_failed, "an address of the other family"));
    return take(Resolved{{*ip}, std::chrono::seconds::max()});
  }
  if (name.empty() || name.size() > kNameBytesMax || name.find('\0') != std::string_view::npos) {
    return take(failed(Code::bad_value, "not a host name"));
  }
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;   // sorting would open a socket per address
  hints.ai_family = system_family(family);
  hints.ai_socktype = SOCK_STREAM;
  ticket_ = new Ticket{this};
  // May answer before it returns (from /etc/hosts): take() only records.
  ares_getaddrinfo(resolver_->channel_, std::string(name).c_str(), nullptr, &hints,
                   &Resolver::on_answer, ticket_);
  resolver_->arm_timer();
}

void Resolver::Query::stop() {
  answer_ = nullptr;
  answered_ = false;
  if (ticket_) std::exchange(ticket_, nullptr)->query = nullptr;
}

void Resolver::Query::take(Result<Resolved> result) {
  result_ = std::move(result);
  answered_ = true;
  Task::ready();
}

Next Resolver::Query::advance() {
  if (!answered_) return Next::wait;   // stopped meanwhile
  answered_ = false;
  Answer& answer = *std::exchange(answer_, nullptr);
  answer.on_resolved(std::move(result_));   // may destroy this
  return Next::wait;
}

}  // namespace sluice::net
