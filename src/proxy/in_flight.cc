#include "proxy/in_flight.h"

#include <algorithm>
#include <iterator>

#include "proxy/exchange.h"
#include "proxy/tunnels.h"

namespace sluice::proxy {
namespace {

bool selects(const InFlightQuery& query, const observe::AccessRecord& record, const observe::AuditRecord& audit) {
  auto fits = [](const std::string& wanted, std::string_view is) { return wanted.empty() || wanted == is; };
  return fits(query.route, record.route) && fits(query.subject, audit.subject) && fits(query.consumer, audit.consumer) &&
         fits(query.credential, audit.credential) && fits(query.request_id, record.request_id);
}

InFlightRow row_of(const observe::AccessRecord& record, const observe::AuditRecord& audit) {
  InFlightRow row;
  row.request_id = record.request_id;
  row.route = record.route;
  row.upstream = record.upstream;
  row.endpoint = record.endpoint;
  row.listener = record.listener;
  row.method = record.method;
  row.authority = record.authority;
  row.path = record.path;
  row.subject = audit.subject;
  row.consumer = audit.consumer;
  row.credential = audit.credential;
  row.authenticator = audit.authenticator;
  row.client = record.client_ip;
  row.began = record.time;
  row.request_bytes = record.request_bytes;
  row.response_bytes = record.response_bytes;
  return row;
}

InFlightSum& sum_of(InFlightReport& report, std::string_view route) {
  auto found = report.routes.find(route);
  return found != report.routes.end() ? found->second : report.routes[std::string(route)];
}

/// gives: true when the query asks for it
bool note(const InFlightQuery& query, InFlightReport& report, const observe::AccessRecord& record,
          const observe::AuditRecord& audit, Duration age, bool socket) {
  if (!selects(query, record, audit)) return false;
  ++report.found;
  InFlightSum& sum = sum_of(report, record.route);
  ++(socket ? sum.sockets : sum.requests);
  sum.request_bytes += record.request_bytes;
  sum.response_bytes += record.response_bytes;
  sum.oldest = std::max(sum.oldest, age);
  if (report.rows.size() >= query.rows_max) return true;
  InFlightRow& row = report.rows.emplace_back(row_of(record, audit));
  row.socket = socket;
  row.age = age;
  return true;
}

}  // namespace

void InFlightReport::add(InFlightReport&& other, size_t rows_max) {
  found += other.found;
  size_t taken = std::min(other.rows.size(), rows_max - std::min(rows_max, rows.size()));
  rows.insert(rows.end(), std::make_move_iterator(other.rows.begin()),
              std::make_move_iterator(other.rows.begin() + static_cast<ptrdiff_t>(taken)));
  for (auto& [route, sum] : other.routes) {
    InFlightSum& own = routes[route];
    own.requests += sum.requests;
    own.sockets += sum.sockets;
    own.request_bytes += sum.request_bytes;
    own.response_bytes += sum.response_bytes;
    own.oldest = std::max(own.oldest, sum.oldest);
  }
}

void Engine::look(const InFlightQuery& query, InFlightReport& report) {
  TimePoint now = parts_.clock.now();
  tunnels_->each([&](Tunnel& tunnel) {
    observe::AuditRecord audit;
    observe::AccessRecord record = tunnel.look(audit);
    bool found = note(query, report, record, audit, now - tunnel.began(), true);
    if (found && query.close) tunnel.end_at(now, observe::TunnelEnd::operator_);
  });
  exchanges_.each([&](Exchange& exchange) {
    observe::AuditRecord audit;
    auto record = exchange.look(audit);
    if (!record) return;
    bool found = note(query, report, *record, audit, now - exchange.began(), false);
    if (found && query.close) exchange.cut();
  });
}

}  // namespace sluice::proxy
