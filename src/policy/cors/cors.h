// What browsers ask before a page of another origin may use an API (Fetch standard, "CORS protocol"). Answers
// preflights by itself, before any credentials are asked for, and marks every other answer, the gateway's own too.
// It protects readers of pages, not the API: who has no browser is not held by it.
#pragma once

#include <string>

#include "policy/cors/cors_config.h"
#include "policy/policy.h"

namespace sluice::policy {

/// A browser's question whether it may send a request of another method or with more fields.
inline bool is_preflight(const http::Head& request) {
  using http::FieldId;
  return request.method == http::Method::options && request.fields.has(FieldId::origin) &&
         request.fields.has(FieldId::access_control_request_method);
}

/// Browsers hold pages to CORS, but not in what they do with WebSockets: there the gateway itself must.
inline constexpr http::Problem kOriginDenied{403, "origin_denied", "Forbidden",
    "Pages of this origin may not open a WebSocket here."};
inline constexpr const http::Problem* kCorsProblems[] = {&kOriginDenied};

class Cors final : public Policy {
 public:
  /// `methods`: "GET, POST", what pages may use
  Cors(std::string name, const CorsConfig& config, std::string methods);

  std::string_view name() const override { return "cors"; }
  std::string describe() const override;
  Wants wants() const override { return {.request = true, .response = true}; }
  /// Replies to every preflight, of origins that are not allowed too: no preflight goes further. Refuses WebSockets to
  /// origins that are not allowed.
  Verdict on_request(Call& call) const override;
  /// What the upstream says about CORS is replaced, never added to: two answers are none to a browser.
  void on_response(Call& call, http::Head& response) const override;

 private:
  /// gives: what Access-Control-Allow-Origin says; empty: nothing
  std::string_view allowed_origin(const http::Head& request) const;
  void allow(std::string_view origin, http::Fields& fields) const;
  void answer_preflight(const http::Head& request, Arena& arena, http::Fields& fields) const;

  std::string name_;
  OriginSet origins_;
  std::string origins_text_;   // for describe
  std::string methods_;
  std::string headers_;
  std::string expose_;
  std::string max_age_;
  bool any_header_ = false;
  bool credentials_;
  bool private_network_;
};

}  // namespace sluice::policy
