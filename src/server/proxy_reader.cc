#include "server/proxy_reader.h"

#include <algorithm>

#include "base/log.h"

namespace sluice::server {

void ProxyReader::start(Duration patience) {
  timer_.start(loop_->timers(), loop_->clock().now() + patience, *this);
  transport_->start(*this);
}

void ProxyReader::hurry(Duration patience) {
  TimePoint until = loop_->clock().now() + patience;
  if (!done_ && until < timer_.deadline()) timer_.start(loop_->timers(), until, *this);
}

void ProxyReader::on_read(const Slice& bytes) {
  if (done_) return;
  bytes_.append(bytes);
  std::string text = bytes_.split(std::min(bytes_.size(), net::kProxyHeaderBytesMax)).to_string();
  Chain rest = std::move(bytes_);
  net::ProxyOutcome outcome = net::parse_proxy_header(text);
  switch (outcome.verdict) {
    case net::ProxyVerdict::need_more:
      bytes_.append_copy(loop_->blocks(), text);
      return;
    case net::ProxyVerdict::refused: return fail(outcome.why);
    case net::ProxyVerdict::done: break;
  }
  done_ = true;
  timer_.stop();
  Chain behind;
  behind.append_copy(loop_->blocks(), std::string_view(text).substr(outcome.header.consumed));
  behind.append(std::move(rest));
  transport_->pause_read();
  owner_->on_proxy_header(*this, outcome.header.client, std::move(behind));
}

void ProxyReader::fail(const char* why) {
  if (done_) return;
  done_ = true;
  LOG(info, "connection refused", kv("peer", socket_client_.to_string()), kv("reason", why));
  owner_->on_proxy_failed(*this);
}

}  // namespace sluice::server
