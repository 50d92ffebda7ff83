// Credentials that header rules hold in clear: nobody is shown them.
#pragma once

#include "snapshot/config.h"

namespace sluice::snapshot {

/// A header field that a rule sets or adds: its name, its place, its value.
using HeaderItem = config::Item<config::Placed<config::Template>>;

/// Whether the rule writes a credential out: a field that holds one, or is called so, with a value that no fact is part
/// of; or a value that looks like one (config/secret_text.h).
bool holds_credential(const HeaderItem& item);

/// Rules with a credential hold "***" in its place: for what is shown, never for what is served.
void conceal_credentials(Config& config);

/// `visit(item)` for each field that a route's header rules, or an authorizer, set or add. `Any`: Config or const Config
template <class Any, class Visit>
void each_header_item(Any& config, Visit visit) {
  for (auto& route : config.route) {
    for (auto* rules : {&route.value.headers.request, &route.value.headers.response}) {
      for (auto* items : {&rules->set, &rules->add}) {
        for (auto& item : *items) visit(item);
      }
    }
  }
  for (auto& authorizer : config.authorizer) {
    for (auto& item : authorizer.value.set) visit(item);
  }
}

}  // namespace sluice::snapshot
