// One command to a [redis.NAME], asked for one request.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "policy/policy.h"
#include "redis/instance.h"

namespace sluice::policy {

/// Of one request, in its arena: cancelled when the request is over.
class StoreQuestion final : public redis::Asker {
 public:
  enum class State : uint8_t {
    none,       // not asked, or no answer yet
    answered,
    unknown,    // Redis is away, or not well
  };

  /// `arguments`: the command, its key second. `arena`: the request's, where the answer's text is kept
  /// gives: false when it was not even sent; otherwise an answer comes
  bool ask(const redis::Instance& instance, unsigned worker, std::span<const std::string_view> arguments, Arena& arena);
  /// Whom the answer wakes.
  void wake(Resume resume) { resume_ = resume; }
  void cancel();

  State state() const { return state_; }
  // Of what was answered.
  redis::Reply::Type type() const { return type_; }
  std::string_view text() const { return text_; }

 private:
  void on_answer(uint64_t tag, const redis::Answer& answer) override;

  const redis::Instance* instance_ = nullptr;   // while it is asked
  Arena* arena_ = nullptr;
  unsigned worker_ = 0;
  redis::Ticket ticket_;
  std::optional<Resume> resume_;
  State state_ = State::none;
  redis::Reply::Type type_ = redis::Reply::Type::nil;
  std::string_view text_;
};

/// "PREFIX" and the bytes in hex: a name in Redis. gives: text of the arena
std::string_view stored_name(std::string_view prefix, std::span<const unsigned char> bytes, Arena& arena);

/// A duration as commands take it, in milliseconds, at least one. gives: text of the arena
std::string_view stored_milliseconds(Duration lives, Arena& arena);

}  // namespace sluice::policy
