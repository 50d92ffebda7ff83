#include "policy/signature/nonce_question.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"

namespace sluice::policy {
namespace {

std::string key_of(const ReplayId& id) {
  std::string key = "sluice:nonce:";
  for (unsigned char byte : id) {
    key += "0123456789abcdef"[byte >> 4];
    key += "0123456789abcdef"[byte & 15];
  }
  return key;
}

}  // namespace

// One command asks and remembers: of two gateways that ask at once one is told that it was the first.
bool NonceQuestion::ask(const redis::Instance& instance, unsigned worker, const ReplayId& id,
                        Duration lives) {
  redis::Client* client = instance.client(worker);
  if (client == nullptr) return false;
  std::string key = key_of(id);
  auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(lives).count();
  char text[20];
  char* end = write_decimal(text, static_cast<uint64_t>(std::max<int64_t>(milliseconds, 1)));
  std::array<std::string_view, 6> arguments{"SET", key, "1", "NX", "PX", {text, static_cast<size_t>(end - text)}};
  auto sent = client->send({.arguments = arguments, .key = key}, *this);
  if (!sent) return false;
  instance_ = &instance;
  worker_ = worker;
  ticket_ = *sent;
  return true;
}

void NonceQuestion::cancel() {
  if (instance_ == nullptr) return;
  if (redis::Client* client = instance_->client(worker_)) client->cancel(ticket_);
  instance_ = nullptr;
}

void NonceQuestion::on_answer(uint64_t, const redis::Answer& answer) {
  instance_ = nullptr;
  answer_ = Answer::unknown;
  if (answer.outcome == redis::Outcome::answered) {
    if (answer.reply->is(redis::Reply::Type::status)) answer_ = Answer::fresh;
    if (answer.reply->is(redis::Reply::Type::nil)) answer_ = Answer::used;
  }
  if (resume_) resume_->give(Verdict::again());
}

}  // namespace sluice::policy
