#include "observe/audit_log.h"

#include <algorithm>

#include "observe/json_line.h"

namespace sluice::observe {
namespace {

using Kind = AuditRedaction::Kind;

constexpr size_t kValueMax = 256;            // of a parameter, header or claim, and of its name
constexpr size_t kValueFixed = 8;            // quotes, colon, comma, "..."
constexpr size_t kNames = 16;                // texts of at most kNameMax
constexpr size_t kValuesMax = 6 * 1024;      // parameters, headers and claims together
constexpr size_t kFixed = 1024 + kAuditFrameBytes;   // keys, punctuation, numbers, time, address
constexpr size_t kDetailMax = 4096;
static_assert(kFixed + JsonLine::worst(kNames * kNameMax + kValuesMax) < 64 * 1024);
static_assert(kFixed + JsonLine::worst(kDetailMax + 5 * kNameMax) < 64 * 1024);

/// Values of one kind after the other; together they stay below kValuesMax.
class Values {
 public:
  explicit Values(JsonLine& line) : line_(line) {}
  void add(std::string_view key, std::string_view name, std::string_view value) {
    name = name.substr(0, kValueMax);
    size_t bytes = name.size() + std::min(value.size(), kValueMax) + kValueFixed;
    if (bytes > left_) return;
    left_ -= bytes;
    if (key != open_) {
      end();
      line_.begin_object(open_ = key);
    }
    line_.member(name, value, kValueMax);
  }
  void end() {
    if (!open_.empty()) line_.end_object();
    open_ = {};
  }

 private:
  JsonLine& line_;
  std::string_view open_;   // the key of the object that is being written
  size_t left_ = kValuesMax;
};

/// All values of a parameter, as received: of several none is hidden behind the others.
/// gives: whether there is one
bool find_query(std::string_view query, std::string_view name, std::string& out) {
  bool found = false;
  out.clear();
  while (!query.empty() && out.size() <= kValueMax) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    size_t equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    if (std::exchange(found, true)) out += '&';
    out += pair.substr(std::min(equals + 1, pair.size()), kValueMax + 1);
  }
  return found;
}

size_t worst_record(const AccessRecord& request, const AuditRecord& audit, const AuditConfig& config) {
  size_t names = 0, values = 0;
  for (std::string_view name :
       {request.request_id, request.trace_id, request.listener, request.method, request.route, request.problem, audit.policy, audit.rule,
        audit.subject, audit.consumer, audit.credential, audit.auth_method, audit.authenticator}) {
    names += std::min(name.size(), kNameMax) + 3;
  }
  for (const NamedValue& param : request.params) {
    values += std::min(param.name.size(), kValueMax) + std::min(param.value.size(), kValueMax) + kValueFixed;
  }
  bool listed = !config.query.empty() || !config.headers.empty() || !config.claims.empty();
  return kFixed + JsonLine::worst(names + (listed ? kValuesMax : std::min(values, kValuesMax)));
}

void write_who(JsonLine& line, const AuditRecord& audit, const AuditLogTarget& target) {
  bool hidden = !audit.subject.empty() && target.redaction.hides(Kind::subject);
  line.text("\"subject\":\"", hidden ? kRedacted : audit.subject, kNameMax);
  line.text("\"consumer\":\"", audit.consumer, kNameMax);
  line.text("\"credential\":\"", audit.credential, kNameMax);
  line.text("\"auth_method\":\"", audit.auth_method, kNameMax);
  line.text("\"authenticator\":\"", audit.authenticator, kNameMax);
}

void write_values(JsonLine& line, const AccessRecord& request, const AuditRecord& audit, const AuditLogTarget& target,
                  std::string& scratch, std::string& spare) {
  Values values(line);
  auto hides = [&](Kind kind, std::string_view name) { return target.redaction.hides(kind, name); };
  for (const NamedValue& param : request.params) {
    values.add("\"params\":{", param.name, hides(Kind::path, param.name) ? kRedacted : param.value);
  }
  for (const std::string& name : target.config.query) {
    if (!find_query(request.query, name, scratch)) continue;
    values.add("\"query\":{", name, hides(Kind::query, name) ? kRedacted : scratch);
  }
  for (const std::string& name : target.config.headers) {
    auto value = request.fields != nullptr ? request.fields->get(name) : std::nullopt;
    if (value) values.add("\"headers\":{", name, hides(Kind::header, name) ? kRedacted : *value);
  }
  for (const std::string& name : target.config.claims) {
    auto claim = std::ranges::find(audit.claims, name, &Claim::name);
    if (claim == audit.claims.end()) continue;
    values.add("\"claims\":{", name, target.redaction.claim(name, claim->value, scratch, spare));
  }
  values.end();
}

void write_outcome(JsonLine& line, const AccessRecord& request) {
  line.number("\"status\":", request.status);
  if (request.grpc_status) line.number("\"grpc_status\":", *request.grpc_status);
  line.text("\"problem\":\"", request.problem, kNameMax);
  line.number("\"request_bytes\":", request.request_bytes);
  line.number("\"response_bytes\":", request.response_bytes);
  line.millis("\"duration_ms\":", micros_of(request.duration));
  if (request.aborted) line.text("\"aborted\":\"", side_name(*request.aborted), kNameMax);
  line.text("\"closed\":\"", request.closed, kNameMax);
  if (request.close_code > 0) line.number("\"close_code\":", request.close_code);
  line.text("\"request_id\":\"", request.request_id, kNameMax);
  line.text("\"trace_id\":\"", request.trace_id, kNameMax);
}

}  // namespace

void AuditLog::write(const AccessRecord& request, const AuditRecord& audit) {
  char* out = stream_.reserve(worst_record(request, audit, target_->config));
  if (out == nullptr) return;
  JsonLine line(out, scratch_);
  line.members(kAuditHead);
  line.text("\"event\":\"", "request", kNameMax);
  line.written("\"time\":\"", [&](char* at) { return time_.write(at, request.time); });
  line.text("\"decision\":\"", audit.decision == AuditRecord::Decision::denied ? "denied" : "allowed", kNameMax);
  line.text("\"policy\":\"", audit.policy, kNameMax);
  line.text("\"rule\":\"", audit.rule, kNameMax);
  write_who(line, audit, *target_);
  if (target_->redaction.hides(Kind::client_ip)) line.text("\"client_ip\":\"", kRedacted, kNameMax);
  else line.written("\"client_ip\":\"", [&](char* at) { return request.client_ip.write(at); });
  line.text("\"listener\":\"", request.listener, kNameMax);
  line.text("\"operation\":\"", request.method, kNameMax);
  line.text("\"route\":\"", request.route, kNameMax);
  write_values(line, request, audit, *target_, value_, spare_);
  write_outcome(line, request);
  char* tail = line.finish() - 2;   // "}\n" comes behind the frame's end
  std::memcpy(tail, kAuditTail.data(), kAuditTail.size());
  std::memcpy(tail + kAuditTail.size(), "}\n", 2);
  stream_.commit(tail + kAuditTail.size() + 2);
}

void write_control(const AuditLogTarget& target, const ControlRecord& record, WallTime now) {
  std::string out(kFixed + JsonLine::worst(kDetailMax + 5 * kNameMax), '\0');
  std::string scratch;
  JsonLine line(out.data(), scratch);
  line.members(kAuditHead);
  line.text("\"event\":\"", "control", kNameMax);
  line.written("\"time\":\"", [&](char* at) { return TimeText().write(at, now); });
  line.text("\"action\":\"", record.action, kNameMax);
  line.text("\"outcome\":\"", record.outcome, kNameMax);
  line.text("\"target\":\"", record.target, kNameMax);
  line.text("\"by\":\"", record.by, kNameMax);
  line.text("\"config_hash\":\"", record.config_hash, kNameMax);
  line.text("\"detail\":\"", record.detail, kDetailMax);
  out.resize(static_cast<size_t>(line.finish() - out.data()) - 2);
  out.append(kAuditTail).append("}\n");
  target.file->write(out);
}

}  // namespace sluice::observe
