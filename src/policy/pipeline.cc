#include "policy/pipeline.h"

namespace sluice::policy {

void Pipeline::add(std::unique_ptr<const Policy> policy) {
  Wants wants = policy->wants();
  any_.request |= wants.request;
  any_.response |= wants.response;
  any_.request_body |= wants.request_body;
  any_.response_body |= wants.response_body;
  any_.end |= wants.end;
  any_.whole_request |= wants.whole_request;
  policies_.push_back(std::move(policy));
}

Verdict Pipeline::on_request(Call& call, uint32_t from) const {
  for (uint32_t i = from; i < policies_.size(); ++i) {
    call.current_ = i;
    Verdict verdict = policies_[i]->on_request(call);
    if (verdict.kind() != Verdict::Kind::pass) return verdict;
  }
  return Verdict::pass();
}

void Pipeline::on_response(Call& call, http::Head& response) const {
  for (auto i = static_cast<uint32_t>(policies_.size()); i-- > 0;) {
    call.current_ = i;
    policies_[i]->on_response(call, response);
  }
}

void Pipeline::on_request_trailers(Call& call, http::Fields& trailers) const {
  for (const auto& policy : policies_) policy->on_request_trailers(call, trailers);
}

void Pipeline::on_response_trailers(Call& call, http::Fields& trailers) const {
  for (const auto& policy : policies_) policy->on_response_trailers(call, trailers);
}

void Pipeline::on_end(Call& call) const {
  for (auto i = static_cast<uint32_t>(policies_.size()); i-- > 0;) {
    call.current_ = i;
    policies_[i]->on_end(call);
  }
}

std::unique_ptr<Tenure> Pipeline::on_tunnel(Call& call) const {
  std::unique_ptr<Tenure> all;
  for (uint32_t i = 0; i < policies_.size(); ++i) {
    call.current_ = i;
    std::unique_ptr<Tenure> one = policies_[i]->on_tunnel(call);
    if (one == nullptr) continue;
    one->next = std::move(all);
    all = std::move(one);
  }
  return all;
}

BodyFilter* Pipeline::request_filters(Call& call) const {
  BodyFilter* first = nullptr;
  BodyFilter** end = &first;
  for (uint32_t i = 0; i < policies_.size(); ++i) {
    call.current_ = i;
    BodyFilter* filter = policies_[i]->request_body(call);
    if (filter == nullptr) continue;
    *end = filter;
    end = &filter->next;
  }
  return first;
}

BodyFilter* Pipeline::response_filters(Call& call) const {
  BodyFilter* first = nullptr;
  for (uint32_t i = 0; i < policies_.size(); ++i) {   // prepending turns the order round
    call.current_ = i;
    BodyFilter* filter = policies_[i]->response_body(call);
    if (filter == nullptr) continue;
    filter->next = first;
    first = filter;
  }
  return first;
}

}  // namespace sluice::policy
