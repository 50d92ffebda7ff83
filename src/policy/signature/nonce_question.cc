#include "policy/signature/nonce_question.h"

#include <array>

namespace sluice::policy {

// One command asks and remembers: of two gateways that ask at once one is told that it was the first.
bool NonceQuestion::ask(const redis::Instance& instance, const Call& call, const ReplayId& id, Duration lives) {
  std::array<std::string_view, 6> arguments{"SET", stored_name("sluice:nonce:", id, call.arena()), "1", "NX", "PX",
                                            stored_milliseconds(lives, call.arena())};
  return question_.ask(instance, call.worker(), arguments, call.arena());
}

NonceQuestion::Answer NonceQuestion::answer() const {
  if (question_.state() == StoreQuestion::State::none) return Answer::none;
  if (question_.state() == StoreQuestion::State::unknown) return Answer::unknown;
  if (question_.type() == redis::Reply::Type::status) return Answer::fresh;
  return question_.type() == redis::Reply::Type::nil ? Answer::used : Answer::unknown;
}

}  // namespace sluice::policy
