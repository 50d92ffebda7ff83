#include "snapshot/choose_route.h"

#include "policy/cors/cors.h"

namespace sluice::snapshot {

using Outcome = route::MatchResult::Outcome;

namespace {

/// gives: not_found when no route with `cors` answers it
route::MatchResult choose_for_preflight(const Snapshot& snapshot, const http::Head& request, route::Params& params) {
  std::string_view name = request.fields.get(http::FieldId::access_control_request_method).value_or("");
  route::MatchResult match = snapshot.router.match_preflight(request, http::method_from(name), params);
  bool answered = match.outcome != Outcome::not_found && snapshot.routes[match.route].part->answers_preflights;
  // A method that the path does not take is no 405 here: what it does take is in the answer.
  match.outcome = answered ? Outcome::found : Outcome::not_found;
  return match;
}

}  // namespace

route::MatchResult choose_route(const Snapshot& snapshot, const http::Head& request, route::Params& params) {
  if (snapshot.answers_preflights && policy::is_preflight(request)) {
    route::MatchResult match = choose_for_preflight(snapshot, request, params);
    if (match.outcome == Outcome::found) return match;
  }
  return snapshot.router.match(request, params);
}

}  // namespace sluice::snapshot
