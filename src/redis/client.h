// What a worker's policies ask Redis through: one pipelined connection (one for each node of a cluster), a bounded
// queue, a deadline for every command, and no waiting for a Redis that is away.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/slab.h"
#include "redis/command.h"
#include "redis/directory.h"
#include "redis/node.h"
#include "redis/options.h"
#include "redis/reply.h"

namespace sluice::redis {

/// What became of a command.
enum class Outcome : uint8_t {
  answered,
  refused,   // by an error that is this command's own: reply->text says which
  unfit,     // Redis cannot do its work now (LOADING, READONLY, OOM, BUSY ...)
  timeout,   // it may have run, or run later
  lost,      // sent, and the connection ended: it may have run
  away,      // never sent
};

struct Answer {
  Outcome outcome = Outcome::away;
  ErrorKind error = ErrorKind::none;   // of refused and unfit
  const Reply* reply = nullptr;        // of answered, refused and unfit: valid during the call
};

/// Why a command was not even taken: decide alone, now.
enum class Unsent : uint8_t { away, full, too_large };

/// Names a command under way; harmless when it has ended.
struct Ticket {
  uint32_t index = 0;
  uint32_t generation = 0;   // 0: none
};

class Asker {
 public:
  /// Once for each command that was taken, unless it was cancelled; never inside send(). May send and cancel.
  virtual void on_answer(uint64_t tag, const Answer& answer) = 0;

 protected:
  ~Asker() = default;
};

class Client final : private Directory::Owner {
 public:
  Client(const Parts& parts, Options options);
  Client(const Client&) = delete;
  /// Who still waits is never answered.
  ~Client();

  /// cost: no system call, and no allocation after warm-up; what one turn sends leaves in one write
  Result<Ticket, Unsent> send(const Command& command, Asker& asker);
  /// The asker goes away, or wants to know no longer. The command may still run.
  void cancel(Ticket ticket);

  /// Commands are being sent. Before the first connection it is not up, yet commands wait for it.
  bool up() const { return up_; }
  TimePoint up_since() const { return changed_at_; }
  const Options& options() const { return options_; }
  /// Commands without an answer, given up ones included, and their bytes.
  size_t queued() const { return asks_.live(); }
  size_t queued_bytes() const { return queued_bytes_; }

 private:
  class Ask;
  struct Slot {
    Ask* ask = nullptr;
    uint32_t generation = 1;
  };

  void on_directory_changed() override;
  void say_away();
  void say_up();
  /// By an error of the command's own: whoever asked takes it for no answer, so that nobody else would say why.
  void say_refused(std::string_view words);
  Ticket issue(Ask& ask);
  void give_back(uint32_t index);
  void destroy(Ask& ask);
  Unsent refuse(Unsent why);

  Parts parts_;
  Options options_;
  std::unique_ptr<Directory> directory_;
  Slab<Ask> asks_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  size_t queued_bytes_ = 0;
  TimePoint changed_at_{};
  TimePoint refused_said_at_{};
  bool up_ = false;
  bool missed_ = false;   // said to be away
};

}  // namespace sluice::redis
