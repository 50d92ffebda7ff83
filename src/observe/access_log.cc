#include "observe/access_log.h"

#include <algorithm>

#include "observe/json_line.h"
#include "observe/log_line.h"

namespace sluice::observe {
namespace {

// All values escaped in full fit one 64 KiB buffer.
constexpr size_t kNames = 11;
constexpr size_t kFixed = 1024;         // keys, punctuation, numbers, time, address
static_assert(kFixed + JsonLine::worst(kPathMax + kQueryMax + kRefererMax + kUserAgentMax +
                                       kAuthorityMax + kNames * kNameMax) + 16 * 3 < 64 * 1024);

size_t worst_line(const AccessRecord& record) {
  size_t bytes = std::min(record.path.size(), kPathMax) + std::min(record.query.size(), kQueryMax) +
                 std::min(record.referer.size(), kRefererMax) +
                 std::min(record.user_agent.size(), kUserAgentMax) +
                 std::min(record.authority.size(), kAuthorityMax);
  for (std::string_view name :
       {record.request_id, record.trace_id, record.listener, record.method, record.version,
        record.route, record.upstream, record.endpoint, record.problem, record.tls_version}) {
    bytes += std::min(name.size(), kNameMax);
  }
  return kFixed + JsonLine::worst(bytes) + 16 * 3;   // each of the texts may end in "..."
}

void write_request(JsonLine& line, const AccessRecord& record, bool query) {
  line.text("\"listener\":\"", record.listener, kNameMax);
  line.text("\"method\":\"", record.method, kNameMax);
  line.text("\"authority\":\"", record.authority, kAuthorityMax);
  line.text("\"path\":\"", record.path, kPathMax);
  if (query) line.text("\"query\":\"", record.query, kQueryMax);
  line.text("\"version\":\"", record.version, kNameMax);
  line.text("\"tls\":\"", record.tls_version, kNameMax);
}

void write_outcome(JsonLine& line, const AccessRecord& record) {
  line.number("\"status\":", record.status);
  if (record.grpc_status) line.number("\"grpc_status\":", *record.grpc_status);
  line.number("\"request_bytes\":", record.request_bytes);
  line.number("\"response_bytes\":", record.response_bytes);
  line.number("\"duration_us\":", micros_of(record.duration));
  if (record.upstream_time) line.number("\"upstream_us\":", micros_of(*record.upstream_time));
  line.text("\"route\":\"", record.route, kNameMax);
  line.text("\"upstream\":\"", record.upstream, kNameMax);
  line.text("\"endpoint\":\"", record.endpoint, kNameMax);
  if (record.retries > 0) line.number("\"retries\":", record.retries);
  line.text("\"problem\":\"", record.problem, kNameMax);
  if (record.aborted) line.text("\"aborted\":\"", side_name(*record.aborted), kNameMax);
  line.text("\"closed\":\"", record.closed, kNameMax);   // a short word
  if (record.close_code > 0) line.number("\"close_code\":", record.close_code);
}

}  // namespace

void AccessLog::write(const AccessRecord& record) {
  target_->format.is_json() ? write_json(record) : write_template(record);
}

void AccessLog::write_json(const AccessRecord& record) {
  char* out = stream_.reserve(worst_line(record));
  if (out == nullptr) return;
  bool query = target_->query;
  JsonLine line(out, scratch_);
  line.written("\"time\":\"", [&](char* at) { return time_.write(at, record.time); });
  line.text("\"request_id\":\"", record.request_id, kNameMax);
  line.text("\"trace_id\":\"", record.trace_id, kNameMax);
  line.written("\"client_ip\":\"", [&](char* at) { return record.client_ip.write(at); });
  write_request(line, record, query);
  write_outcome(line, record);
  line.text("\"user_agent\":\"", record.user_agent, kUserAgentMax);
  std::string_view referer = query ? record.referer : without_query(record.referer);
  line.text("\"referer\":\"", referer, kRefererMax);
  stream_.commit(line.finish());
}

void AccessLog::write_template(const AccessRecord& record) {
  TemplateLine line(target_->format, record, target_->query ? Queries::written : Queries::left_out);
  if (char* out = stream_.reserve(line.worst())) stream_.commit(line.write(out, time_, clf_time_));
}

}  // namespace sluice::observe
