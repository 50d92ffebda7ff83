// The policies of one route, in the catalogue's order. A policy that is not configured is not here, and
// costs nothing.
#pragma once

#include <memory>
#include <vector>

#include "policy/policy.h"

namespace sluice::policy {

class Pipeline {
 public:
  Pipeline() = default;
  Pipeline(Pipeline&&) = default;
  Pipeline& operator=(Pipeline&&) = default;

  void add(std::unique_ptr<const Policy> policy);

  size_t size() const { return policies_.size(); }
  const Policy& operator[](size_t index) const { return *policies_[index]; }
  const Wants& any() const { return any_; }

  /// Runs the request side from policy `from` on. gives: pass after the last one; otherwise the verdict
  /// that stopped it, call.current_ being the policy that gave it
  Verdict on_request(Call& call, uint32_t from) const;
  void on_response(Call& call, http::Head& response) const;
  void on_request_trailers(Call& call, http::Fields& trailers) const;
  void on_response_trailers(Call& call, http::Fields& trailers) const;
  void on_end(Call& call) const;
  /// All that is kept; null: nothing.
  std::unique_ptr<Tenure> on_tunnel(Call& call) const;
  /// The chain of filters for one direction; null when no policy has one.
  BodyFilter* request_filters(Call& call) const;
  BodyFilter* response_filters(Call& call) const;

 private:
  std::vector<std::unique_ptr<const Policy>> policies_;
  Wants any_;
};

}  // namespace sluice::policy
