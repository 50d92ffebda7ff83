#include "redis/client.h"

#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "redis/ask.h"
#include "redis/slot.h"

namespace sluice::redis {
namespace {

constexpr size_t kArgumentBytes = 16;   // around each argument, on the wire
constexpr size_t kWordsMax = 120;
constexpr Duration kRefusedGap = std::chrono::minutes(1);   // every command of a user without a right is refused

size_t size_of(const Command& command) {
  size_t size = command.key.size() + kArgumentBytes;
  for (std::string_view argument : command.arguments) size += argument.size() + kArgumentBytes;
  return size;
}

}  // namespace

Client::Client(const Parts& parts, Options options)
    : parts_(parts), options_(std::move(options)), changed_at_(parts.loop.clock().now()) {
  parts_.counters.away.add();
  asks_.count_in(parts_.loop.blocks().share());
  directory_ = make_directory(parts_, options_, *this);
  LoopTurn turn(parts_.loop);
  directory_->start();
}

Client::~Client() {
  LoopTurn turn(parts_.loop);
  for (Slot& slot : slots_) {
    if (slot.ask) slot.ask->abandon();
  }
  directory_->stop();
  directory_.reset();
  if (!up_) parts_.counters.away.sub();
  if (missed_ && options_.presence) options_.presence->found();
}

Unsent Client::refuse(Unsent why) {
  parts_.counters.failure(why == Unsent::away ? StoreFailure::away : StoreFailure::full).add();
  return why;
}

Result<Ticket, Unsent> Client::send(const Command& command, Asker& asker) {
  parts_.counters.commands.add();
  size_t size = size_of(command);
  if (size > kCommandBytesMax) return refuse(Unsent::too_large);
  if (asks_.live() >= options_.queue_max || queued_bytes_ + size > kQueueBytesMax) {
    return refuse(Unsent::full);
  }
  uint16_t slot = options_.layout != Layout::cluster || command.key.empty() ? kAnySlot : key_slot(command.key);
  Node* node = directory_->node_for(slot);
  if (node == nullptr || !node->accepts()) return refuse(Unsent::away);
  Ask* ask = asks_.make(*this, asker, command);
  ask->held_bytes = size;
  queued_bytes_ += size;
  parts_.counters.queued.add();
  Ticket ticket = issue(*ask);
  ask->dispatch(*node);
  return ticket;
}

void Client::cancel(Ticket ticket) {
  if (ticket.generation == 0 || ticket.index >= slots_.size()) return;
  Slot& slot = slots_[ticket.index];
  if (slot.generation == ticket.generation && slot.ask) slot.ask->abandon();
}

Ticket Client::issue(Ask& ask) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  slots_[index].ask = &ask;
  ask.slot_index_ = index;
  return {index, slots_[index].generation};
}

void Client::give_back(uint32_t index) {
  Slot& slot = slots_[index];
  slot.ask = nullptr;
  if (++slot.generation == 0) slot.generation = 1;
  free_slots_.push_back(index);
}

void Client::destroy(Ask& ask) {
  queued_bytes_ -= ask.held_bytes;
  asks_.destroy(&ask);
  parts_.counters.queued.sub();
}

void Client::on_directory_changed() {
  bool available = directory_->available();
  if (available == up_ && (available || missed_)) return;
  // A connection that is made anew at once is not worth a word.
  bool pausing = !available && directory_->spokesman().accepts();
  if (pausing && !missed_) available = up_;
  if (available != up_) {
    changed_at_ = parts_.loop.clock().now();
    up_ = available;
    up_ ? parts_.counters.away.sub() : parts_.counters.away.add();
  }
  if (up_) return say_up();
  if (!pausing) say_away();
}

void Client::say_away() {
  if (std::exchange(missed_, true)) return;
  if (options_.presence && !options_.presence->missed()) return;
  const Node& node = directory_->spokesman();
  LOG(warn, "redis away", kv("redis", options_.name), kv("server", node.place().to_string()),
      kv("reason", node.complaint().empty() ? std::string_view(node.trouble()) : node.complaint()));
}

void Client::say_up() {
  if (!std::exchange(missed_, false)) return;
  if (options_.presence && !options_.presence->found()) return;
  LOG(info, "redis back", kv("redis", options_.name),
      kv("server", directory_->spokesman().place().to_string()));
}

void Client::say_refused(std::string_view words) {
  TimePoint now = parts_.loop.clock().now();
  if (refused_said_at_ != TimePoint{} && now - refused_said_at_ < kRefusedGap) return;
  refused_said_at_ = now;
  LOG(warn, "redis refuses a command", kv("redis", options_.name), kv("reason", printable(words, kWordsMax)));
}

}  // namespace sluice::redis
