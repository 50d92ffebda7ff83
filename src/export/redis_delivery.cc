#include "export/redis_delivery.h"

#include "base/text.h"

namespace sluice::exporting {
namespace {

constexpr size_t kTroubleMax = 120;
constexpr std::string_view kOutcomes[] = {"answered", "refused", "not able now", "no answer", "connection lost", "away"};

std::string trouble_of(const redis::Answer& answer) {
  std::string out(kOutcomes[static_cast<size_t>(answer.outcome)]);
  if (answer.reply != nullptr) out += ": " + printable(answer.reply->text, kTroubleMax);
  return out;
}

}  // namespace

RedisDelivery::RedisDelivery(Loop& loop, const RedisParts& parts, std::shared_ptr<CopyQueue> queue, redis::Options options,
                             observe::RedisStreamConfig config)
    : Delivery(loop, std::move(queue)), config_(std::move(config)), length_max_(std::to_string(config_.length_max)) {
  redis::Parts lent{loop, parts.tls_io, parts.random, parts.resolver, counters_};
  client_ = std::make_unique<redis::Client>(lent, std::move(options));
}

// A round: all that are left at once. What the client does not take is left for the next one.
Delivery::Outcome RedisDelivery::deliver() {
  there_.assign(records().size(), false);
  trouble_.clear();
  std::string_view arguments[] = {"XADD", config_.stream, "MAXLEN", "~", length_max_, "*", "record", {}};
  for (size_t i = 0; i < records().size(); ++i) {
    arguments[std::size(arguments) - 1] = records()[i];
    redis::Command command{.arguments = arguments, .key = config_.stream};
    command.deadline = loop().clock().now() + kPatience;
    command.tag = i;
    auto sent = client_->send(command, *this);
    if (!sent) {
      trouble_ = sent.error() == redis::Unsent::away ? "away" : "too much is waiting for it";
      break;
    }
    ++waiting_;
  }
  if (waiting_ == 0) settle_round();
  return Outcome::later;
}

void RedisDelivery::on_answer(uint64_t tag, const redis::Answer& answer) {
  --waiting_;
  there_[tag] = answer.outcome == redis::Outcome::answered;
  if (!there_[tag]) trouble_ = trouble_of(answer);
  if (waiting_ == 0) settle_round();
}

void RedisDelivery::settle_round() {
  size_t kept = 0;
  for (size_t i = 0; i < records().size(); ++i) {
    if (!there_[i]) records()[kept++] = records()[i];
  }
  records().resize(kept);
  if (kept == 0) return finish();
  fail_for_now(trouble_);
}

}  // namespace sluice::exporting
