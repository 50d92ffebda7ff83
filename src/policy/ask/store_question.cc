#include "policy/ask/store_question.h"

#include <algorithm>

#include "base/text.h"

namespace sluice::policy {

bool StoreQuestion::ask(const redis::Instance& instance, unsigned worker, std::span<const std::string_view> arguments,
                        Arena& arena) {
  redis::Client* client = instance.client(worker);
  if (client == nullptr) return false;
  auto sent = client->send({.arguments = arguments, .key = arguments[1]}, *this);
  if (!sent) return false;
  instance_ = &instance;
  arena_ = &arena;
  worker_ = worker;
  ticket_ = *sent;
  return true;
}

void StoreQuestion::cancel() {
  if (instance_ == nullptr) return;
  if (redis::Client* client = instance_->client(worker_)) client->cancel(ticket_);
  instance_ = nullptr;
}

void StoreQuestion::on_answer(uint64_t, const redis::Answer& answer) {
  instance_ = nullptr;
  state_ = State::unknown;
  if (answer.outcome == redis::Outcome::answered) {
    state_ = State::answered;
    type_ = answer.reply->type;
    if (type_ == redis::Reply::Type::text) text_ = arena_->copy(answer.reply->text);
  }
  if (resume_) resume_->give(Verdict::again());
}

std::string_view stored_name(std::string_view prefix, std::span<const unsigned char> bytes, Arena& arena) {
  char* name = arena.text(prefix.size() + 2 * bytes.size());
  char* end = std::copy(prefix.begin(), prefix.end(), name);
  for (unsigned char byte : bytes) {
    *end++ = "0123456789abcdef"[byte >> 4];
    *end++ = "0123456789abcdef"[byte & 15];
  }
  return {name, static_cast<size_t>(end - name)};
}

std::string_view stored_milliseconds(Duration lives, Arena& arena) {
  constexpr size_t kDigitsMax = 20;
  auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(lives).count();
  char* text = arena.text(kDigitsMax);
  char* end = write_decimal(text, static_cast<uint64_t>(std::max<int64_t>(milliseconds, 1)));
  return {text, static_cast<size_t>(end - text)};
}

}  // namespace sluice::policy
