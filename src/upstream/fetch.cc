#include "upstream/fetch.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "http/h1_codec.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "upstream/fetch_keep.h"
#include "upstream/fetch_session.h"

namespace sluice::upstream {
namespace {

constexpr const char* kNotBegun = "no connection could be begun";

}  // namespace

Result<FetchUrl> FetchUrl::parse(std::string_view text) {
  auto bad = [](const char* what) { return Error{Code::bad_value, Side::gateway, Progress::unsent, what}; };
  FetchUrl url;
  if (text.starts_with("https://")) {
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
    url.scheme = http::Scheme::http;
    url.port = 80;
  } else {
    return bad("no URL that begins with https:// or http://");
  }
  auto harmless = [](char c) { return c > ' ' && c < 0x7f; };
  if (!std::all_of(text.begin(), text.end(), harmless)) return bad("a byte that is not in a URL");
  if (text.find('#') != text.npos) return bad("a URL with a fragment");
  std::string_view authority = text.substr(0, text.find_first_of("/?"));
  std::string_view target = text.substr(authority.size());
  if (authority.find('@') != authority.npos) return bad("a URL with user information");
  size_t mark = target.find('?');
  url.has_query = mark != target.npos;
  if (url.has_query) url.query = target.substr(mark + 1);
  if (mark != 0 && !target.empty()) url.path = target.substr(0, mark);
  url.authority = authority;
  bool has_port = !authority.ends_with(']') && authority.rfind(':') != authority.npos;
  std::string with_port(authority);
  if (!has_port) with_port += ":" + std::to_string(url.port);
  Result<net::HostPort> parts = net::parse_host_port(with_port);
  if (!parts || parts->host.empty() || parts->port == 0) return bad("a URL without a valid host and port");
  url.host = parts->host;
  if (url.host.starts_with('[') && url.host.ends_with(']')) url.host = url.host.substr(1, url.host.size() - 2);
  url.port = parts->port;
  return url;
}

std::string FetchUrl::text() const {
  return (scheme == http::Scheme::https ? "https://" : "http://") + authority + path +
         (has_query ? "?" + query : "");
}

bool FetchUrl::is_loopback() const {
  return host == "localhost" || host == "::1" || (host.starts_with("127.") && IpAddress::parse(host));
}

void Fetch::start(FetchRequest request, Waiter& waiter) {
  CHECK(!active());
  waiter_ = &waiter;
  request_ = std::move(request);
  next_address_ = 0;
  addresses_.clear();
  connections_ = 0;
  timer_.start(parts_.loop.timers(), parts_.loop.clock().now() + request_.deadline, *this);
  session_ = keep() ? keep()->take(FetchPlace::of(request_)) : nullptr;
  if (session_) return session_->serve(*this);
  connect();
}

void Fetch::connect() {
  if (!request_.address) return query_.start(request_.url.host, net::AddressFamily::any, *this);
  session_ = Session::open(*this, *request_.address);
  // The waiter hears of it as of a deadline, never inside this call.
  if (session_ == nullptr) timer_.start(parts_.loop.timers(), parts_.loop.clock().now(), *this);
}

void Fetch::stop() {
  waiter_ = nullptr;
  timer_.stop();
  query_.stop();
  if (session_) std::exchange(session_, nullptr)->abandon();
}

void Fetch::on_resolved(Result<net::Resolved> result) {
  if (!result) return finish(std::string("name not resolved: ") + result.error().what);
  for (const IpAddress& ip : result->addresses) {
    if (addresses_.size() < kAddressesMax) addresses_.emplace_back(ip, request_.url.port);
  }
  connect_next();
}

void Fetch::connect_next() {
  CHECK(next_address_ < addresses_.size());
  session_ = Session::open(*this, addresses_[next_address_++]);
  if (session_ == nullptr) on_connect_failed(kNotBegun);
}

void Fetch::on_connect_failed(std::string why) {
  session_ = nullptr;
  if (next_address_ < addresses_.size()) return connect_next();
  finish(std::move(why));
}

void Fetch::on_kept_lost() {
  session_ = nullptr;
  keep()->forget(FetchPlace::of(request_));
  connect();
}

void Fetch::on_timer(Timer&) {
  if (keep()) keep()->forget(FetchPlace::of(request_));
  bool begun = session_ != nullptr || !request_.address;
  finish(std::string(begun ? "no whole answer in time" : kNotBegun));
}

void Fetch::finish(Result<FetchResponse, std::string> result) {
  Waiter* waiter = waiter_;
  stop();
  if (waiter) waiter->on_fetched(std::move(result));
}

}  // namespace sluice::upstream
